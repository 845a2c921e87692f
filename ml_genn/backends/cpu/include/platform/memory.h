// Memory aligned to cache lines.
#pragma once
#include "c_headers.h"

namespace mlg {
constexpr int CACHE_LINE = 64;  // bytes, of all supported processors

// Returns memory for n values (at least one), or null.
template <class T>
static T *allocate(size_t n) {
  void *p = nullptr;
  if (posix_memalign(&p, CACHE_LINE, (n ? n : 1) * sizeof(T))) return nullptr;
  return static_cast<T *>(p);
}

static inline void clear(float *row, size_t n) { memset(row, 0, n * sizeof(float)); }
}  // namespace mlg
