// Ranges of indices, and the parts of them that threads compute.
#pragma once
#include "c_headers.h"

namespace mlg {
// Indices first, first + step, ... < last.
template <class Index>
struct Range {
  Index first, last;
  static constexpr Index step = 1;
};

// Returns one team's part of the entries of a list of length n.
static inline Range<uint32_t> list_range(uint32_t n, int team, int teams) {
  return {uint32_t(uint64_t(n) * team / teams), uint32_t(uint64_t(n) * (team + 1) / teams)};
}
}  // namespace mlg
