// Spikes that arrive in a block of steps, sorted by source neuron.
#pragma once
#include "platform/memory.h"
#include "spikes/tape.h"

namespace mlg {
// For each source neuron, the list of steps in which its spikes arrive (counting sort).
struct Arrivals {
  uint32_t *start = nullptr;  // of neuron i: step[start[i]] .. step[start[i + 1] - 1]
  uint32_t *step = nullptr;   // counted from the first step of the block
  size_t start_capacity = 0, step_capacity = 0;

  // Sorts the spikes of steps first <= t < first + num_steps.
  bool sort(const Tape &tape, int64_t first, int64_t num_steps, size_t sources) {
    // While steps are filled in, start[i + 1] is the place of the next spike of neuron i. At the
    // end it is where the list of neuron i + 1 starts.
    if (!reserve(start, start_capacity, sources + 2)) return false;
    memset(start, 0, (sources + 2) * sizeof(uint32_t));
    for (int64_t k = 0; k < num_steps; ++k) {
      const Spikes s = spikes_at(tape, first + k);
      for (uint32_t i = 0; i < s.n; ++i) ++start[s.id[i] + 2];
    }
    for (size_t i = 2; i < sources + 2; ++i) start[i] += start[i - 1];
    if (!reserve(step, step_capacity, start[sources + 1])) return false;
    for (int64_t k = 0; k < num_steps; ++k) {
      const Spikes s = spikes_at(tape, first + k);
      for (uint32_t i = 0; i < s.n; ++i) step[start[s.id[i] + 1]++] = static_cast<uint32_t>(k);
    }
    return true;
  }
  // Makes room for n values, which are not kept; twice as much, so blocks rarely allocate.
  static bool reserve(uint32_t *&array, size_t &capacity, size_t n) {
    if (array && n <= capacity) return true;
    free(array);
    capacity = 2 * n;
    array = allocate<uint32_t>(capacity);
    return array != nullptr;
  }
  void release() {
    free(start);
    free(step);
  }
};
}  // namespace mlg
