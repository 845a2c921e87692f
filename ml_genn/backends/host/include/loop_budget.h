// Bound on the iterations of loops in users' code, so that loops without an end stop.
#pragma once
#include "c_headers.h"
#include "flags.h"
#include "members.h"

namespace mlg {
// Iterations that the loops in the code of one neuron may still run in a time step. Once one neuron
// has run too many, no loop runs any more, and the call ends with ENDLESS_LOOP.
struct LoopBudget {
  static constexpr int64_t MAX_ITERATIONS = 1000000;  // milliseconds of the simplest loop
  int32_t *status;
  int64_t remaining;

  explicit LoopBudget(int32_t *call_status)
      : status(call_status), remaining(MLG_STATUS(status) & ENDLESS_LOOP ? 0 : MAX_ITERATIONS) {}
  // Counts an iteration; returns false if it must not run.
  bool next() {
    if (--remaining >= 0) return true;
    remaining = 0;
    MLG_SET_STATUS(status, ENDLESS_LOOP);
    return false;
  }
};
}  // namespace mlg

#define loop_continues_() loops_.next()
