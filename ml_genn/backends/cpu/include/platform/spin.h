// Waiting without falling asleep.
#pragma once
#include "c_headers.h"

namespace mlg {
static inline void relax() {
#if defined(__SSE__) || defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits for something without falling asleep, for as long as there may be between two batches
// of training. A thread that slept takes from 0.1 ms to some milliseconds to come back.
constexpr int64_t AWAKE = 2000000;  // nanoseconds
static inline int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t(1000000000) + now.tv_nsec;
}
template <class Over>
static inline void stay_awake(Over over) {
  const int64_t end = nanoseconds() + AWAKE;
  do {
    for (int k = 0; k < 64; ++k) {
      if (over()) return;
      relax();
    }
    sched_yield();  // there may be others who have something to do
  } while (nanoseconds() < end);
}

// Waits for what another thread is about to do; after a while, it lets others run.
template <class Over>
static inline void wait_until(Over over) {
  constexpr int SPINS = 2000;
  for (int k = 0; !over(); ++k) {
    if (k < SPINS) relax();
    else sched_yield();
  }
}
}  // namespace mlg
