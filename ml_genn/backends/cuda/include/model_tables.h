// Sizes and tables of a model. The generated file has its own and defines MLG_MODEL_TABLES; a
// header that is compiled alone sees a model without neurons.
#pragma once
#include "c_headers.h"

#ifndef MLG_MODEL_TABLES
constexpr int64_t OUTPUTS = 0;
constexpr int64_t TAPES = 0;
constexpr int64_t HISTORIES = 0;
constexpr int64_t LEARNED = 0;
constexpr int64_t ALL_LEARNED = -1;
constexpr int64_t REGULARISED = 0;
constexpr int64_t GRAD_RINGS = 0;
constexpr int64_t LAZY_ADJOINTS = 0;
constexpr int64_t LAZY_PROPAGATORS = 0;
constexpr int64_t FLAG_BYTES = 0;
constexpr int64_t ONLINE_FLOATS = 0;
constexpr int64_t ONLINE_STEP_FLOATS = 0;
constexpr int64_t ONLINE_SOURCES = 0;
// Tables end with -1.
constexpr int64_t STEP_LOSS_GRAD_SIZE[] = {-1};
constexpr int64_t HISTORY_SIZE[] = {-1};
constexpr int64_t GRAD_RING_SIZE[] = {-1};
constexpr int64_t REGULARISED_SIZE[] = {-1};
constexpr int64_t REGULARISED_TAPE[] = {-1};
#endif
