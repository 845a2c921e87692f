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
#define __device__ static
#define __shared__ static
#define __launch_bounds__(threads)
#define __syncthreads() simulated::wait(simulated::AT_BLOCK, __LINE__)

#define __nanosleep(time) simulated::wait(simulated::SLEEPS, 0)
#define __threadfence()

struct Index {
  unsigned x, y;
};
Index threadIdx, blockIdx, blockDim, gridDim;

namespace simulated {
enum State { RUNS, AT_WARP, AT_BLOCK, SLEEPS, DONE };
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
  Fiber *lanes = fibers + current / WARP * WARP;
  for (int lane = 0; lane < WARP; ++lane) take(lane, lanes[lane].given[turn]);
}

bool same(const Fiber *lanes, int n) {
  for (int k = 1; k < n; ++k)
    if (lanes[k].state != lanes[0].state || lanes[k].line != lanes[0].line) return false;
  return true;
}

bool asleep(const Fiber *lanes, int n) {
  for (int k = 0; k < n; ++k)
    if (lanes[k].state == SLEEPS) return true;
  return false;
}

// Runs the lanes of a warp until all wait for the block, or are done; or some sleep, which
// then go on before the others.
bool run_warp(unsigned first, bool backwards) {
  Fiber *lanes = fibers + first;
  do {
    const bool sleepers = asleep(lanes, WARP);
    for (int k = 0; k < WARP; ++k) {
      current = first + (backwards ? WARP - 1 - k : k);
      if (sleepers && fibers[current].state != SLEEPS) continue;
      threadIdx.x = current % blockDim.x;
      blockIdx.y = current / blockDim.x;
      fibers[current].state = RUNS;
      swapcontext(&scheduler, &fibers[current].context);
    }
    if (asleep(lanes, WARP)) return true;
    if (!same(lanes, WARP)) return false;
  } while (lanes->state == AT_WARP);
  return true;
}

// Runs a block's warps, those that sleep alone if there are any, to their next barrier.
const char *run_block(unsigned part, bool backwards) {
  const unsigned first = part * blockDim.x, warps = blockDim.x / WARP;
  const bool sleepers = asleep(fibers + first, blockDim.x);
  for (unsigned k = 0; k < warps; ++k) {
    const unsigned w = first + (backwards ? warps - 1 - k : k) * WARP;
    if (sleepers && !asleep(fibers + w, WARP)) continue;
    if (!run_warp(w, backwards)) return "the threads of a warp wait at different places";
  }
  if (asleep(fibers + first, blockDim.x) || same(fibers + first, blockDim.x)) return nullptr;
  snprintf(wrong, sizeof wrong, "warps wait at different lines: %d and others", fibers[first].line);
  return wrong;
}

// Runs the blocks of an example in turn until all are done.
const char *run_example(unsigned parts, bool backwards) {
  for (unsigned k = 0; k < parts * blockDim.x; ++k) {
    Fiber &f = fibers[k];
    if (!f.stack) f.stack = static_cast<char *>(malloc(STACK));
    f.exchanges = 0;
    f.state = RUNS;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = STACK;
    makecontext(&f.context, enter, 0);
  }
  for (unsigned done = 0, idle = 0; done < parts;) {
    if (++idle > 1000) return "blocks wait for one that does not come";
    done = 0;
    for (unsigned k = 0; k < parts; ++k) {
      const unsigned part = backwards ? parts - 1 - k : k;
      const Fiber *first = fibers + part * blockDim.x;
      if (first->state != DONE) {
        if (!asleep(first, blockDim.x)) idle = 0;
        if (const char *why = run_block(part, backwards)) return why;
      }
      done += first->state == DONE;
    }
  }
  return nullptr;
}

// Runs all blocks; null, or what went wrong.
const char *launch(void (*what)(void *), void *with, unsigned blocks, unsigned parts,
                   unsigned threads, size_t bytes, bool backwards) {
  if (threads % WARP || parts * threads > MOST) return "a block is at most 32 whole warps";
  if (parts > 1 && bytes) return "blocks that share an example share no memory of one";
  kernel = what;
  argument = with;
  gridDim = {blocks, parts};
  blockDim.x = threads;
  shared = static_cast<float *>(malloc(bytes + 1));
  const char *why = nullptr;
  for (unsigned b = 0; b < blocks && !why; ++b) {
    blockIdx.x = backwards ? blocks - 1 - b : b;
    memset(shared, 0xff, bytes);
    why = run_example(parts, backwards);
  }
  free(shared);
  return why;
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
