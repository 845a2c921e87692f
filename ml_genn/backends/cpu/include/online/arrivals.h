// Spikes that arrive in a block of steps, source neuron by source neuron.
#pragma once
#include "platform/memory.h"
#include "spikes/tape.h"

namespace mlg {
// The spikes that arrive in a block, as a list of steps for each source neuron.
struct Arrivals {
  uint32_t *start = nullptr,
           *step = nullptr;  // of neuron i: step[start[i]] .. step[start[i + 1] - 1]
  size_t neurons = 0, capacity = 0;

  // Spikes of steps first <= t < first + n; steps are counted from `first`.
  bool sort(const Tape &tape, int64_t first, int64_t n, size_t sources) {
    if (!room(start, neurons, sources + 2)) return false;
    memset(start, 0, (sources + 2) * sizeof(uint32_t));
    for (int64_t k = 0; k < n; ++k) {
      const Spikes s = spikes_at(tape, first + k);
      for (uint32_t i = 0; i < s.n; ++i) ++start[s.id[i] + 2];
    }
    for (size_t i = 2; i < sources + 2; ++i) start[i] += start[i - 1];
    if (!room(step, capacity, start[sources + 1])) return false;
    for (int64_t k = 0; k < n; ++k) {
      const Spikes s = spikes_at(tape, first + k);
      for (uint32_t i = 0; i < s.n; ++i) step[start[s.id[i] + 1]++] = static_cast<uint32_t>(k);
    }
    return true;
  }
  static bool room(uint32_t *&array, size_t &held, size_t wanted) {
    if (array && wanted <= held) return true;
    free(array);
    held = 2 * wanted;
    array = allocate<uint32_t>(held);
    return array != nullptr;
  }
  void release() {
    free(start);
    free(step);
  }
};
}  // namespace mlg
