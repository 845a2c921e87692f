// CUDA's words on a CPU: the threads of a block are fibers of one thread, run in turn. A
// thread that waits for others where they do not is an error, as is a barrier that is not
// the same line for all.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __shared__ static
#define __launch_bounds__(threads)
#define __syncthreads() simulated::wait(simulated::AT_BLOCK, __LINE__)

struct Index {
  unsigned x;
};
Index threadIdx, blockIdx, blockDim, gridDim;

namespace simulated {
enum State { RUNS, AT_WARP, AT_BLOCK, DONE };
constexpr int WARP = 32, MOST = 1024, STACK = 1 << 18;
struct Fiber {
  ucontext_t context;
  char *stack = nullptr;
  State state;
  int line;
  unsigned exchanges;  // so far
  uint32_t given[2];   // what it gave to the last two of them
} fibers[MOST];
ucontext_t scheduler;
unsigned current;
void *argument;
int64_t number;  // beside it
void (*kernel)(void *);
float *shared = nullptr;
char wrong[200];

void wait(State state, int line) {
  Fiber &f = fibers[current];
  f.state = state;
  f.line = line;
  swapcontext(&f.context, &scheduler);
}
void enter() {
  kernel(argument);
  wait(DONE, 0);
}

// What each lane of the warp gives; all lanes must take part.
template <class Take>
void exchange(uint32_t given, Take take) {
  Fiber &f = fibers[current];
  const unsigned turn = f.exchanges++ % 2;
  f.given[turn] = given;
  wait(AT_WARP, 0);
  Fiber *lanes = fibers + threadIdx.x / WARP * WARP;
  for (int lane = 0; lane < WARP; ++lane) take(lane, lanes[lane].given[turn]);
}

bool same(const Fiber *lanes, int n) {
  for (int k = 1; k < n; ++k)
    if (lanes[k].state != lanes[0].state || lanes[k].line != lanes[0].line) return false;
  return true;
}

// Runs the lanes of a warp until all wait for the block, or are done.
bool run_warp(unsigned first, bool backwards) {
  do {
    for (int k = 0; k < WARP; ++k) {
      current = first + (backwards ? WARP - 1 - k : k);
      threadIdx.x = current;
      fibers[current].state = RUNS;
      swapcontext(&scheduler, &fibers[current].context);
    }
    if (!same(fibers + first, WARP)) return false;
  } while (fibers[first].state == AT_WARP);
  return true;
}

bool run_block(bool backwards) {
  const unsigned warps = blockDim.x / WARP;
  for (unsigned k = 0; k < blockDim.x; ++k) {
    Fiber &f = fibers[k];
    if (!f.stack) f.stack = static_cast<char *>(malloc(STACK));
    f.exchanges = 0;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = STACK;
    makecontext(&f.context, enter, 0);
  }
  do {
    for (unsigned w = 0; w < warps; ++w)
      if (!run_warp((backwards ? warps - 1 - w : w) * WARP, backwards)) {
        snprintf(wrong, sizeof wrong, "the threads of a warp wait at different places");
        return false;
      }
    if (!same(fibers, blockDim.x)) {
      snprintf(wrong, sizeof wrong, "warps wait at different lines: %d and others",
               fibers[0].line);
      return false;
    }
  } while (fibers[0].state == AT_BLOCK);
  return true;
}

// Runs all blocks; null, or what went wrong.
const char *launch(void (*what)(void *), void *with, unsigned blocks, unsigned threads,
                   size_t bytes, bool backwards) {
  if (threads % WARP || threads > MOST) return "a block is at most 32 whole warps";
  kernel = what;
  argument = with;
  gridDim.x = blocks;
  blockDim.x = threads;
  shared = static_cast<float *>(malloc(bytes + 1));
  bool good = true;
  for (unsigned b = 0; b < blocks && good; ++b) {
    blockIdx.x = backwards ? blocks - 1 - b : b;
    memset(shared, 0xff, bytes);
    good = run_block(backwards);
  }
  free(shared);
  return good ? nullptr : wrong;
}
}  // namespace simulated

template <class T>
T atomicAdd(T *to, T number) {
  const T before = *to;
  *to += number;
  return before;
}
inline int atomicOr(int *to, int bits) {
  const int before = *to;
  *to |= bits;
  return before;
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline unsigned __ballot_sync(unsigned, bool vote) {
  unsigned votes = 0;
  simulated::exchange(vote, [&](int lane, uint32_t given) { votes |= given << lane; });
  return votes;
}
inline float __shfl_xor_sync(unsigned, float number, int apart) {
  uint32_t bits, found = 0;
  memcpy(&bits, &number, 4);
  const int wanted = threadIdx.x % simulated::WARP ^ apart;
  simulated::exchange(bits, [&](int lane, uint32_t given) {
    if (lane == wanted) found = given;
  });
  memcpy(&number, &found, 4);
  return number;
}
