// Memory that starts at a multiple of a cache line.
#pragma once
#include "c_headers.h"

namespace mlg {
template <class T>
static T *allocate(size_t n) {
  void *p = nullptr;
  if (posix_memalign(&p, 64, (n ? n : 1) * sizeof(T))) return nullptr;
  return static_cast<T *>(p);
}

static inline void clear(float *row, size_t n) { memset(row, 0, n * sizeof(float)); }
}  // namespace mlg
