// Runs batches: examples over threads, each through all its steps, then the weights.
#pragma once
#include "ml_genn_batch.h"

// The library is compiled in one part, or in two at the same time: what goes back, and the rest.
#ifndef MLG_PARTS
#define MLG_PARTS 3
#endif
extern "C" {
bool mlg_backward(void *engine, const Call &c, void *slots, const int64_t *examples, int n,
                  int thread, bool leave);
bool mlg_take_left(void *engine, const Call &c, int64_t learned, int thread);
void mlg_backward_team(void *engine, const Call &c, void *slot, int64_t b, int thread);
}
#if MLG_PARTS & 2
#include "ml_genn_backward.h"
#endif
#if MLG_PARTS & 1
#include "ml_genn_main.h"
#endif
