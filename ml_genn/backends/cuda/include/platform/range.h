// Ranges of indices, and the parts of them that warps compute.
#pragma once
#include "c_headers.h"

namespace mlg {
// Indices first, first + step, ... < last.
template <class Index>
struct Range {
  Index first, last, step = 1;
};

// Returns one team's entries of a list of length n: every teams-th.
static inline Range<uint32_t> list_range(uint32_t n, int team, int teams) {
  return {uint32_t(team), n, uint32_t(teams)};
}

// The CPU splits neurons into ranges, one for each thread. Here a range is all neurons, and the
// heads of loops (MLG_MEMBER) split it.
template <int P>
static inline Range<int> member_range(int, int) {
  return {0, P};
}
static inline Range<int> tile_range(int n, int, int) { return {0, n}; }
}  // namespace mlg
