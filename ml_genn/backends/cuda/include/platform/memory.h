// Operations on rows of numbers. Each member of an example (a thread, see platform/grid.h) writes
// every members()-th element. No function ends with a barrier: the caller synchronises.
#pragma once
#include "platform/barrier.h"
#include "platform/grid.h"

namespace mlg {
// row[j] = 0 for j < n.
static inline void clear(float *row, int64_t n) {
  for (int64_t j = member(); j < n; j += members()) row[j] = 0;
}

// to[j] = from[j] for j < n; the rows do not overlap.
static inline void copy(float *to, const float *from, int64_t n) {
  for (int64_t j = member(); j < n; j += members()) to[j] = from[j];
}

// row[j] = row[shift + j] - decrement for j < n, in place; shift >= 0. In each round members read
// members() elements; a barrier separates these reads from the writes, which may overlap them.
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
