// Lists of the neurons whose flag is set.
#pragma once
#include "id_type.h"
#include "platform/barrier.h"
#include "platform/grid.h"

namespace mlg {
constexpr int MAX_WARPS = 32;  // warps of a block: 1,024 threads, CUDA's limit
// Flags that are set in each warp, of examples that several blocks run.
__device__ uint32_t shared_counts[MAX_SHARED_EXAMPLES][MAX_TEAMS];

// Lists the neurons whose flag is set, in order; returns their number. Warps vote, count their
// votes and write behind the warps before them. The thread that reads a flag is the one that set
// it.
static inline uint32_t collect(const uint8_t *flag, int n, id_type *out) {
  __shared__ uint32_t block_counts[MAX_WARPS];
  volatile uint32_t *counts = one_block_runs_example() ? block_counts : shared_counts[blockIdx.x];
  uint32_t length = 0;
  for (int first = 0; first < n; first += members()) {
    const int j = first + member();
    const bool is_set = j < n && flag[j];
    const uint32_t votes = __ballot_sync(ALL_LANES, is_set);
    if (lane() == 0) counts[team()] = __popc(votes);
    MLG_SYNC;
    uint32_t at = length;  // of the first neuron of this warp
    for (int w = 0; w < teams(); ++w) {
      const uint32_t count = counts[w];
      if (w < team()) at += count;
      length += count;
    }
    const uint32_t lower_lanes = (1u << lane()) - 1;
    if (is_set) out[at + __popc(votes & lower_lanes)] = id_type(j);
    MLG_SYNC;
  }
  return length;
}

// Like collect, but returns n if at least half of the flags are set.
static inline uint32_t collect_if_sparse(const uint8_t *flag, int n, id_type *out) {
  const uint32_t length = collect(flag, n, out);
  return 2 * int(length) >= n ? n : length;
}
}  // namespace mlg
