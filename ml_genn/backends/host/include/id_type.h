// Integer type of a neuron's index. The generated file defines the smallest type that fits.
#pragma once
#include "c_headers.h"

#ifndef MLG_ID_TYPE
#define MLG_ID_TYPE uint32_t
#endif
typedef MLG_ID_TYPE id_type;
