// Runs batches: examples over threads, each through all its steps, then the weights.
// The library is compiled in one part, or in two at the same time: what goes back, and the rest.
#pragma once
#include "model_functions.h"

#ifndef MLG_PARTS
#define MLG_PARTS 3
#endif
#if MLG_PARTS & 2
#include "batch/backward_pass.h"
#endif
#if MLG_PARTS & 1
#include "exports.h"
#endif
