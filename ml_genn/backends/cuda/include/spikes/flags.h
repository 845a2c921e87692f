// Lists of the neurons whose flag is set.
#pragma once
#include "id_type.h"
#include "platform/barrier.h"
#include "platform/grid.h"

namespace mlg {
constexpr int MAX_WARPS = 32;  // warps of a block: 1,024 threads, CUDA's limit
// Number of set flags per warp, for examples run by several blocks. In global memory: shared memory
// belongs to one block.
__device__ uint32_t global_counts[MAX_MULTIBLOCK_EXAMPLES][MAX_TEAMS];

// Lists the neurons whose flag is set, in order; returns their number. Warps vote and count their
// votes; each warp writes at the exclusive prefix sum of the counts. A member is a thread of one of
// the blocks that run the example, a team one of their warps (see platform/grid.h).
// Precondition: the thread that reads a flag is the one that set it. No barrier precedes the reads.
static inline uint32_t collect(const uint8_t *flags, int n, id_type *out) {
  __shared__ uint32_t shared_counts[MAX_WARPS];
  // blockIdx.x: example, blockIdx.y: block of the example
  volatile uint32_t *counts = one_block_runs_example() ? shared_counts : global_counts[blockIdx.x];
  uint32_t length = 0;
  for (int first = 0; first < n; first += members()) {
    const int j = first + member();
    const bool is_set = j < n && flags[j];
    const uint32_t votes = __ballot_sync(ALL_LANES, is_set);
    if (lane() == 0) counts[team()] = __popc(votes);
    MLG_SYNC;
    uint32_t position = length;  // of the first neuron of this warp in the list
    for (int w = 0; w < teams(); ++w) {
      const uint32_t count = counts[w];
      if (w < team()) position += count;
      length += count;
    }
    const uint32_t lower_lanes = (1u << lane()) - 1;
    if (is_set) out[position + __popc(votes & lower_lanes)] = id_type(j);
    MLG_SYNC;
  }
  return length;
}

// Like collect, but returns n if at least half of the flags are set; the list is then unused.
// Fewer than half are never n, so that the caller tells the two cases apart by the result.
static inline uint32_t collect_if_sparse(const uint8_t *flags, int n, id_type *out) {
  const uint32_t length = collect(flags, n, out);
  return 2 * int(length) >= n ? n : length;
}
}  // namespace mlg
