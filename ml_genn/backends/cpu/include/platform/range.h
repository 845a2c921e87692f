// Parts of a loop that several threads split.
#pragma once
#include "c_headers.h"

namespace mlg {
// Indices first, first + step, ... < last of a loop that several threads split.
template <class Index>
struct Range {
  Index first, last;
  static constexpr Index step = 1;
};

// One team's part of n list entries.
static inline Range<uint32_t> list_range(uint32_t n, int team, int teams) {
  return {uint32_t(uint64_t(n) * team / teams), uint32_t(uint64_t(n) * (team + 1) / teams)};
}
}  // namespace mlg
