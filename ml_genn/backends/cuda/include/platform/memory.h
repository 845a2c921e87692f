// Rows of numbers that the members of an example write together.
#pragma once
#include "platform/barrier.h"
#include "platform/grid.h"

namespace mlg {
static inline void clear(float *row, int64_t n) {
  for (int64_t j = member(); j < n; j += members()) row[j] = 0;
}

static inline void copy(float *to, const float *from, int64_t n) {
  for (int64_t j = member(); j < n; j += members()) to[j] = from[j];
}

// row[j] = row[shift + j] - decrement for j < n. Members read a part of the row, and write it after
// all have read.
template <class T>
static inline void move_down(T *row, int64_t shift, int64_t n, T decrement = 0) {
  for (int64_t first = 0; first < n; first += members()) {
    const int64_t j = first + member();
    const T moved = j < n ? row[shift + j] - decrement : 0;
    MLG_SYNC;
    if (j < n) row[j] = moved;
  }
}
}  // namespace mlg
