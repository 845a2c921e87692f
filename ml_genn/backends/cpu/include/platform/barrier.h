// Barrier of the threads of a pool.
#pragma once
#include "platform/spin.h"

namespace mlg {
// Barrier for threads that reach it often and within a short time of each other, so they spin.
struct Barrier {
  int waiting = 0;
  unsigned round = 0;

  void wait(int threads) {
    const unsigned current = __atomic_load_n(&round, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&waiting, 1, __ATOMIC_ACQ_REL) == threads) {
      __atomic_store_n(&waiting, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&round, current + 1, __ATOMIC_RELEASE);
      return;
    }
    wait_until([&] { return __atomic_load_n(&round, __ATOMIC_ACQUIRE) != current; });
  }
};
}  // namespace mlg
