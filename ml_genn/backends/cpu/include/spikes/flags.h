// Neurons whose flag is set, as lists.
#pragma once
#include "c_headers.h"
#include "id_type.h"
#include "spikes/tape.h"

namespace mlg {
// 64 flags, bytes 0 or 1, as bits; no compiler makes them of a loop.
#if defined(__AVX2__)
typedef char Bytes __attribute__((vector_size(32)));
static inline uint64_t bits(const uint8_t *flag) {
  Bytes half[2];
  memcpy(half, flag, 64);
  const uint32_t low = __builtin_ia32_pmovmskb256(-half[0]);
  const uint32_t high = __builtin_ia32_pmovmskb256(-half[1]);
  return uint64_t(high) << 32 | low;
}
#else
static inline uint64_t bits(const uint8_t *flag) {
  uint64_t set = 0;
  for (int k = 0; k < 8; ++k) {
    uint64_t bytes;  // the lowest bits of eight bytes become those of one
    memcpy(&bytes, flag + 8 * k, 8);
    set |= (bytes * 0x0102040810204080u >> 56) << 8 * k;
  }
  return set;
}
#endif
// The same of the flags from j on, of n.
static inline uint64_t bits(const uint8_t *flag, int j, int n) {
  const uint64_t known = n - j < 64 ? (uint64_t(1) << (n - j)) - 1 : ~uint64_t(0);
  return bits(flag + j) & known;
}

// Neurons whose flag is set, in order; 63 more flags may be read behind theirs, and UNASKED
// more neurons written.
static inline uint32_t collect(const uint8_t *flag, int n, id_type *out) {
  uint32_t found = 0;
  for (int j = 0; j < n; j += 64) {
    uint64_t set = bits(flag, j, n);
    const int count = __builtin_popcountll(set);
    id_type *to = out + found;
#pragma GCC unroll 4
    for (int k = 0; k < UNASKED; ++k, set &= set - 1)
      to[k] = static_cast<id_type>(j + __builtin_ctzll(set | uint64_t(1) << 63));
    for (int k = UNASKED; k < count; ++k, set &= set - 1)
      to[k] = static_cast<id_type>(j + __builtin_ctzll(set));
    found += count;
  }
  return found;
}

// As collect; where half of them or more are set, n, and none is listed.
static inline uint32_t collect_if_sparse(const uint8_t *flag, int n, id_type *out) {
  int found = 0;
  for (int j = 0; j < n; j += 64) found += __builtin_popcountll(bits(flag, j, n));
  return 2 * found >= n ? n : collect(flag, n, out);
}
}  // namespace mlg
