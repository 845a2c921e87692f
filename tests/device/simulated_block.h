// Simulation of CUDA thread blocks on a CPU. The threads of an example are fibers of one CPU
// thread, which run in turn from barrier to barrier. It is an error if the lanes of a warp wait at
// different places, or the warps of a block at barriers in different lines.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__ static
#define __shared__ static
#define __launch_bounds__(...)
#define __syncthreads() simulated::wait(simulated::AT_BLOCK_BARRIER, __LINE__)

#define __nanosleep(time) simulated::wait(simulated::SLEEPING, 0)
#define __threadfence()

struct Index {
  unsigned x, y;
};
Index threadIdx, blockIdx, blockDim, gridDim;

namespace simulated {
enum State { RUNNING, AT_WARP_EXCHANGE, AT_BLOCK_BARRIER, SLEEPING, DONE };
constexpr int WARP_SIZE = 32;
constexpr int MAX_THREADS = 1024;          // threads of an example
constexpr int STACK_BYTES = 1 << 18;       // of a fiber
constexpr unsigned MAX_IDLE_TURNS = 1000;  // turns in which all blocks sleep: a deadlock
struct Fiber {
  ucontext_t context;
  char *stack = nullptr;
  State state;
  int line;            // of the barrier at which it waits
  unsigned exchanges;  // number of warp exchanges so far
  uint32_t sent[2];    // values of the last two exchanges
} fibers[MAX_THREADS];
ucontext_t scheduler;
unsigned current_fiber;
void *kernel_argument;
int64_t kernel_number;  // second argument of the kernel
void (*kernel)(void *);
float *shared_memory = nullptr;
char error_text[200];

// Hands over to the scheduler.
void wait(State state, int line) {
  Fiber &f = fibers[current_fiber];
  f.state = state;
  f.line = line;
  swapcontext(&f.context, &scheduler);
}
void run_fiber() {
  kernel(kernel_argument);
  wait(DONE, 0);
}

// Sends a value to all lanes of the warp, and calls receive(lane, value) for the value of each. All
// lanes must take part.
template <class Receive>
void exchange(uint32_t value, Receive receive) {
  Fiber &f = fibers[current_fiber];
  const unsigned turn = f.exchanges++ % 2;
  f.sent[turn] = value;
  wait(AT_WARP_EXCHANGE, 0);
  Fiber *lanes = fibers + current_fiber / WARP_SIZE * WARP_SIZE;
  for (int lane = 0; lane < WARP_SIZE; ++lane) receive(lane, lanes[lane].sent[turn]);
}

bool wait_at_same_line(const Fiber *threads, int n) {
  for (int k = 1; k < n; ++k)
    if (threads[k].state != threads[0].state || threads[k].line != threads[0].line) return false;
  return true;
}

bool any_sleeps(const Fiber *threads, int n) {
  for (int k = 0; k < n; ++k)
    if (threads[k].state == SLEEPING) return true;
  return false;
}

// Runs the lanes of a warp until all wait at a barrier of the block or are done, or one sleeps.
// Lanes that sleep continue before the others. Returns false if lanes wait at different places.
bool run_warp(unsigned first, bool descending) {
  Fiber *lanes = fibers + first;
  do {
    const bool only_sleeping = any_sleeps(lanes, WARP_SIZE);
    for (int k = 0; k < WARP_SIZE; ++k) {
      current_fiber = first + (descending ? WARP_SIZE - 1 - k : k);
      Fiber &f = fibers[current_fiber];
      if (only_sleeping && f.state != SLEEPING) continue;
      threadIdx.x = current_fiber % blockDim.x;
      blockIdx.y = current_fiber / blockDim.x;
      f.state = RUNNING;
      swapcontext(&scheduler, &f.context);
    }
    if (any_sleeps(lanes, WARP_SIZE)) return true;
    if (!wait_at_same_line(lanes, WARP_SIZE)) return false;
  } while (lanes->state == AT_WARP_EXCHANGE);
  return true;
}

// Runs the warps of a block to their next barrier; only those that sleep, if there are any. Returns
// an error or null.
const char *run_block(unsigned block, bool descending) {
  const unsigned first = block * blockDim.x, warps = blockDim.x / WARP_SIZE;
  const Fiber *threads = fibers + first;
  const bool only_sleeping = any_sleeps(threads, blockDim.x);
  for (unsigned k = 0; k < warps; ++k) {
    const unsigned warp = first + (descending ? warps - 1 - k : k) * WARP_SIZE;
    if (only_sleeping && !any_sleeps(fibers + warp, WARP_SIZE)) continue;
    if (!run_warp(warp, descending)) return "the lanes of a warp wait at different places";
  }
  if (any_sleeps(threads, blockDim.x) || wait_at_same_line(threads, blockDim.x)) return nullptr;
  snprintf(error_text, sizeof error_text, "warps wait at different lines: %d and others",
           threads->line);
  return error_text;
}

void start_fibers(unsigned n) {
  for (unsigned k = 0; k < n; ++k) {
    Fiber &f = fibers[k];
    if (!f.stack) f.stack = static_cast<char *>(malloc(STACK_BYTES));
    f.exchanges = 0;
    f.state = RUNNING;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&f.context, run_fiber, 0);
  }
}

// Runs the blocks of an example in turn until all are done. Returns an error or null.
const char *run_example(unsigned blocks, bool descending) {
  start_fibers(blocks * blockDim.x);
  for (unsigned done = 0, idle_turns = 0; done < blocks;) {
    if (++idle_turns > MAX_IDLE_TURNS) return "all blocks wait for another one";
    done = 0;
    for (unsigned k = 0; k < blocks; ++k) {
      const unsigned block = descending ? blocks - 1 - k : k;
      const Fiber *threads = fibers + block * blockDim.x;
      if (threads->state != DONE) {
        if (!any_sleeps(threads, blockDim.x)) idle_turns = 0;
        if (const char *error = run_block(block, descending)) return error;
      }
      done += threads->state == DONE;
    }
  }
  return nullptr;
}

// Runs a grid of `examples` columns of thread blocks. Returns an error or null.
const char *launch(void (*function)(void *), void *argument, unsigned examples,
                   unsigned blocks_per_example, unsigned threads, size_t shared_bytes,
                   bool descending) {
  if (threads % WARP_SIZE || blocks_per_example * threads > MAX_THREADS)
    return "a block has whole warps, and an example at most 32 of them";
  if (blocks_per_example > 1 && shared_bytes) return "several blocks have no common shared memory";
  kernel = function;
  kernel_argument = argument;
  gridDim = {examples, blocks_per_example};
  blockDim.x = threads;
  shared_memory = static_cast<float *>(malloc(shared_bytes + 1));
  const char *error = nullptr;
  for (unsigned b = 0; b < examples && !error; ++b) {
    blockIdx.x = descending ? examples - 1 - b : b;
    memset(shared_memory, 0xff, shared_bytes);  // NaN, so that reads before a write are noticed
    error = run_example(blocks_per_example, descending);
  }
  free(shared_memory);
  return error;
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
inline unsigned atomicMax(unsigned *to, unsigned number) {
  const unsigned before = *to;
  if (number > before) *to = number;
  return before;
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline unsigned __ballot_sync(unsigned, bool vote) {
  unsigned votes = 0;
  simulated::exchange(vote, [&](int lane, uint32_t value) { votes |= value << lane; });
  return votes;
}
inline float __shfl_xor_sync(unsigned, float number, int mask) {
  uint32_t bits, received = 0;
  memcpy(&bits, &number, 4);
  const int source = threadIdx.x % simulated::WARP_SIZE ^ mask;
  simulated::exchange(bits, [&](int lane, uint32_t value) {
    if (lane == source) received = value;
  });
  memcpy(&number, &received, 4);
  return number;
}
