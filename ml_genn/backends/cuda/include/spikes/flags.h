// Lists of the neurons whose flag is set, made by all threads of an example together.
#pragma once
#include "id_type.h"
#include "platform/barrier.h"
#include "platform/grid.h"

namespace mlg {
constexpr int MAX_WARPS = 32;  // warps of a block: 1,024 threads, CUDA's limit
// Number of set flags per warp, for examples that several blocks run. It is in global memory
// because the shared memory of a block is invisible to the other blocks.
__device__ uint32_t global_counts[MAX_MULTIBLOCK_EXAMPLES][MAX_TEAMS];

// Writes the indices of the neurons whose flag is set to `out`, ascending; returns their number.
// Members are the threads of all blocks that run the example; teams are the warps of these blocks
// (see platform/grid.h). In each round every member reads one flag. A warp vote counts the flags of
// each team, and a team writes its neurons at the exclusive prefix sum of these counts.
// Precondition: member k has itself written flags k, k + members(), k + 2 members(), ... No barrier
// precedes the reads.
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
    uint32_t position = length;  // index in `out` of the first neuron of this team
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

// Like collect, but returns n if at least half of the flags are set; the caller then visits all n
// neurons and does not read the list. A list that it reads is shorter than n / 2, so the result
// tells the two cases apart.
static inline uint32_t collect_if_sparse(const uint8_t *flags, int n, id_type *out) {
  const uint32_t length = collect(flags, n, out);
  return 2 * int(length) >= n ? n : length;
}
}  // namespace mlg
