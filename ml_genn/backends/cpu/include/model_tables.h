// Sizes and tables of a model. The generated file has its own and defines MLG_MODEL_TABLES; a
// header that is compiled by itself sees a model without neurons.
#pragma once
#include "c_headers.h"

#ifndef MLG_MODEL_TABLES
constexpr int64_t INPUTS = 0;
constexpr int64_t OUTPUTS = 0;
constexpr int64_t TAPES = 0;
constexpr int64_t HISTORIES = 0;
constexpr int64_t LEARNED = 0;
constexpr int64_t ALL_LEARNED = -1;
constexpr int64_t NORMS = 0;
constexpr int64_t REGULARISED = 0;
constexpr int64_t GRAD_RINGS = 0;
constexpr int64_t SURROGATES = 0;
constexpr int64_t LAZY_ADJOINTS = 0;
constexpr int64_t LAZY_PROPAGATORS = 0;
constexpr int64_t FLAG_BYTES = 0;
constexpr int64_t CAN_SPLIT_EXAMPLES = 0;
constexpr int64_t ACTIVE_LISTS = 0;
constexpr int64_t EXAMPLES_PER_TILE = 1;
constexpr int64_t ACTIVE_FLOATS = 0;
constexpr int64_t TRANSPOSED_FLOATS = 0;
// Tables end with -1.
constexpr int64_t INPUT_TAPE[] = {-1};
constexpr int64_t STEP_LOSS_GRAD_SIZE[] = {-1};
constexpr int64_t HISTORY_SIZE[] = {-1};
constexpr int64_t READOUT_ROWS[] = {-1};
constexpr int64_t GRAD_RING_SIZE[] = {-1};
constexpr int64_t ACTIVE_LIST_SIZE[] = {-1};
constexpr int64_t ACTIVE_LIST_TAPE[] = {-1};
constexpr int64_t REGULARISED_SIZE[] = {-1};
constexpr int64_t REGULARISED_TAPE[] = {-1};
#endif
