// Progress of an example of a batch.
#pragma once
#include "slot.h"

namespace {
// An example is assigned to a thread, which runs its backward pass. Its forward pass is run by
// whichever thread begins it first.
struct Example {
  enum Progress { WAITING, BEGUN, READY };
  int thread = 0;
  int progress = WAITING;
  Slot *slot = nullptr;  // where its forward pass ran

  // Returns true if the caller is the first, and runs the forward pass.
  bool begin() {
    int waiting = WAITING;
    return __atomic_compare_exchange_n(&progress, &waiting, int(BEGUN), false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
  }
  void end() { __atomic_store_n(&progress, int(READY), __ATOMIC_RELEASE); }
  // Waits for the end of the forward pass.
  void wait() const {
    mlg::wait_until([&] { return __atomic_load_n(&progress, __ATOMIC_ACQUIRE) == READY; });
  }
};
}  // namespace
