// End of a generated file: runs batches with the functions that it defines.
#pragma once
#include "model_functions.h"

// A library is compiled in one part, or in two parts at the same time: the backward pass, and the
// rest. MLG_PARTS has a bit for each part that is compiled.
#define MLG_REST 1
#define MLG_BACKWARD 2
#ifndef MLG_PARTS
#define MLG_PARTS (MLG_REST | MLG_BACKWARD)
#endif
#if MLG_PARTS & MLG_BACKWARD
#include "batch/backward_pass.h"
#endif
#if MLG_PARTS & MLG_REST
#include "exports.h"
#endif
