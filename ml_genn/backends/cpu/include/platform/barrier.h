// A place where threads wait for each other.
#pragma once
#include "platform/spin.h"

namespace mlg {
// A place where all threads of a pool wait for each other, often and not long.
struct Barrier {
  int waiting = 0;
  unsigned round = 0;

  void wait(int threads) {
    const unsigned mine = __atomic_load_n(&round, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&waiting, 1, __ATOMIC_ACQ_REL) == threads) {
      __atomic_store_n(&waiting, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&round, mine + 1, __ATOMIC_RELEASE);
      return;
    }
    wait_until([&] { return __atomic_load_n(&round, __ATOMIC_ACQUIRE) != mine; });
  }
};
}  // namespace mlg
