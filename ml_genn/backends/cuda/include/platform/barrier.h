// Barrier of the members of an example.
#pragma once
#include "platform/grid.h"

namespace mlg {
// Examples that several blocks each run. Such blocks are launched cooperatively, so there are at
// most as many as the GPU runs at the same time, and no block waits for one that has not started.
constexpr int MAX_MULTIBLOCK_EXAMPLES = 512;
// Teams of such an example: 8 blocks (MAX_BLOCKS_PER_EXAMPLE of grid.py) of 512 threads.
constexpr int MAX_TEAMS = 128;
constexpr unsigned POLL_NS = 50;  // pause between two reads of a round

__device__ unsigned arrived_blocks[MAX_MULTIBLOCK_EXAMPLES];
__device__ unsigned barrier_round[MAX_MULTIBLOCK_EXAMPLES];

// Waits for all blocks of the example. Afterwards each thread sees what the others wrote before.
static inline void sync_blocks() {
  __syncthreads();
  if (threadIdx.x == 0) {
    volatile unsigned *round = barrier_round + blockIdx.x;
    const unsigned current = *round;
    __threadfence();
    if (atomicAdd(&arrived_blocks[blockIdx.x], 1u) + 1 == gridDim.y) {
      arrived_blocks[blockIdx.x] = 0;
      __threadfence();
      *round = current + 1;
    } else {
      while (*round == current) __nanosleep(POLL_NS);
    }
    __threadfence();
  }
  __syncthreads();
}
}  // namespace mlg

// A macro, so that __syncthreads stands in the line of the caller.
#define MLG_SYNC (mlg::one_block_runs_example() ? __syncthreads() : mlg::sync_blocks())
