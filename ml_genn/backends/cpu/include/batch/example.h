// An example of a batch.
#pragma once
#include "slot.h"

namespace {
// An example of a batch. Its own thread takes it through the backward pass; the forward pass is
// run by whichever thread begins it.
struct Example {
  enum Progress { WAITING, BEGUN, READY };
  int thread = 0;
  int progress = WAITING;
  Slot *slot = nullptr;

  // Whether the caller is the one who runs it forward.
  bool begin() {
    int waiting = WAITING;
    return __atomic_compare_exchange_n(&progress, &waiting, int(BEGUN), false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
  }
  void end() { __atomic_store_n(&progress, int(READY), __ATOMIC_RELEASE); }
  void wait() const {
    mlg::wait_until([&] { return __atomic_load_n(&progress, __ATOMIC_ACQUIRE) == READY; });
  }
};
}  // namespace
