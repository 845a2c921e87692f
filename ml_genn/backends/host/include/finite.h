// Tests for finite numbers by the bits of their absolute values. These bits are ordered as the
// values are; those of infinity are above all finite ones, and those of NaN above infinity.
// Integers are compared in any order, in vectors, and no NaN is lost.
#pragma once
#include "c_headers.h"

namespace mlg {
constexpr uint32_t ABS_MASK = 0x7fffffff, INFINITY_BITS = 0x7f800000;

static inline uint32_t abs_bits(float number) {
  uint32_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits & ABS_MASK;
}
static inline uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }
}  // namespace mlg
