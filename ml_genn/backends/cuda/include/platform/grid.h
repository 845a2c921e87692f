// Threads of an example. One thread block, or several if the network is large, runs an example:
// block (b, k) is number k of those of example b. The threads of these blocks are the members of
// the example, their warps its teams, and the threads of a warp the lanes of a team.
#pragma once
#include "c_headers.h"

// Most threads of a block.
#define MLG_MAX_THREADS 512
// Blocks that a multiprocessor has room for at once. With 1 a thread gets up to 128 of the 65,536
// registers, with 2 up to 64. For sm_90 the compiler then moves 32 and 836 bytes of a thread of
// EventProp's kernel to memory, 352 and 1,276 bytes of e-prop's.
#define MLG_BLOCKS_PER_MULTIPROCESSOR 1
#define MLG_LAUNCH_BOUNDS __launch_bounds__(MLG_MAX_THREADS, MLG_BLOCKS_PER_MULTIPROCESSOR)

namespace mlg {
constexpr int WARP_SIZE = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;  // mask of a warp
constexpr int ROW_ALIGNMENT = 16;            // floats that rows are padded to

static inline int lane() { return int(threadIdx.x) % WARP_SIZE; }
static inline int member() { return int(blockIdx.y * blockDim.x + threadIdx.x); }
static inline int members() { return int(gridDim.y * blockDim.x); }
static inline int team() { return member() / WARP_SIZE; }
static inline int teams() { return members() / WARP_SIZE; }
static inline bool one_block_runs_example() { return gridDim.y == 1; }
}  // namespace mlg
