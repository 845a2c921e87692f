// Lists of the neurons whose flag is set.
#pragma once
#include "c_headers.h"
#include "id_type.h"
#include "spikes/tape.h"

namespace mlg {
constexpr int FLAG_WORD = 64;  // flags that are read at once

// Returns 64 flags, bytes of 0 or 1, as bits. Compilers make no such code of a plain loop.
#if defined(__AVX2__)
typedef char Bytes __attribute__((vector_size(32)));
static inline uint64_t bits(const uint8_t *flags) {
  Bytes half[2];
  memcpy(half, flags, FLAG_WORD);
  const uint32_t low = __builtin_ia32_pmovmskb256(-half[0]);
  const uint32_t high = __builtin_ia32_pmovmskb256(-half[1]);
  return uint64_t(high) << 32 | low;
}
#else
static inline uint64_t bits(const uint8_t *flags) {
  uint64_t set = 0;
  for (int k = 0; k < 8; ++k) {
    uint64_t bytes;  // the product moves the lowest bits of eight bytes to the top byte
    memcpy(&bytes, flags + 8 * k, 8);
    set |= (bytes * 0x0102040810204080u >> 56) << 8 * k;
  }
  return set;
}
#endif
// Returns flags j .. j + 63 of n flags as bits; those from n on count as 0.
static inline uint64_t bits(const uint8_t *flags, int j, int n) {
  const uint64_t valid = n - j < FLAG_WORD ? (uint64_t(1) << (n - j)) - 1 : ~uint64_t(0);
  return bits(flags + j) & valid;
}

// Lists the neurons whose flag is set, ascending, and returns how many there are. Reads up to 63
// flags behind the last one, and writes up to UNROLL entries behind the list.
static inline uint32_t collect(const uint8_t *flags, int n, id_type *out) {
  uint32_t length = 0;
  for (int j = 0; j < n; j += FLAG_WORD) {
    uint64_t set = bits(flags, j, n);
    const int count = __builtin_popcountll(set);
    id_type *to = out + length;
#pragma GCC unroll 4
    for (int k = 0; k < UNROLL; ++k, set &= set - 1)
      to[k] = static_cast<id_type>(j + __builtin_ctzll(set | uint64_t(1) << 63));
    for (int k = UNROLL; k < count; ++k, set &= set - 1)
      to[k] = static_cast<id_type>(j + __builtin_ctzll(set));
    length += count;
  }
  return length;
}

// Like collect, but writes no list and returns n if at least half of the flags are set; the caller
// then visits all n neurons. A list is shorter than n / 2, so the result tells the two cases apart.
static inline uint32_t collect_if_sparse(const uint8_t *flags, int n, id_type *out) {
  int count = 0;
  for (int j = 0; j < n; j += FLAG_WORD) count += __builtin_popcountll(bits(flags, j, n));
  return 2 * count >= n ? n : collect(flags, n, out);
}
}  // namespace mlg
