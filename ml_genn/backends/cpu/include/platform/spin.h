// Waiting for other threads without sleeping.
#pragma once
#include "c_headers.h"

namespace mlg {
// Tells the processor that the thread waits in a loop.
static inline void relax() {
#if defined(__SSE__) || defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

constexpr int64_t NANOSECONDS_PER_SECOND = 1000000000;

static inline int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
}

// Idle threads spin for as long as there may be between two batches of training. A thread that
// slept takes from 0.1 ms to some milliseconds to wake up.
constexpr int64_t SPIN_NS = 2000000;
constexpr int SPINS_PER_CLOCK_READ = 64;  // reading the clock costs more than a pause

// Spins until a condition holds, but not longer than SPIN_NS.
template <class Condition>
static inline void spin_until(Condition condition) {
  const int64_t end = nanoseconds() + SPIN_NS;
  do {
    for (int k = 0; k < SPINS_PER_CLOCK_READ; ++k) {
      if (condition()) return;
      relax();
    }
    sched_yield();  // other threads may need the core
  } while (nanoseconds() < end);
}

// Spins before a thread offers its core to others, in case the thread it waits for needs it.
constexpr int SPINS_BEFORE_YIELD = 2000;

// Waits until a condition holds that another running thread will soon fulfil.
template <class Condition>
static inline void wait_until(Condition condition) {
  for (int k = 0; !condition(); ++k) {
    if (k < SPINS_BEFORE_YIELD) relax();
    else sched_yield();
  }
}
}  // namespace mlg
