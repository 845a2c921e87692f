// Functions of the backward pass that the rest of the library calls.
#pragma once
#include "call.h"

using mlg::Call;
extern "C" {
bool mlg_backward(void *engine, const Call &c, void *slots, const int64_t *examples, int n,
                  int thread, bool leave);
bool mlg_take_left(void *engine, const Call &c, int64_t learned, int thread);
void mlg_backward_team(void *engine, const Call &c, void *slot, int64_t b, int thread);
}
