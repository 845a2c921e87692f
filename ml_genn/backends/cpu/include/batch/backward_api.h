// Functions of the backward pass that the other part of the library calls; see run.h.
#pragma once
#include "call.h"

using mlg::Call;
extern "C" {
bool mlg_backward(void *engine, const Call &c, void *slots, const int64_t *examples, int n,
                  int thread, bool defer);
bool mlg_add_deferred_gradients(void *engine, const Call &c, int64_t learned, int thread);
void mlg_backward_split(void *engine, const Call &c, void *slot, int64_t b, int thread);
}
