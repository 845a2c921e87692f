// Weight gradients of dense rows, summed over the steps of a block at once.
#pragma once
#include "platform/compiler.h"
#include "platform/memory.h"
#include "spikes/tape.h"
#include "synapses/dense.h"

namespace mlg {
// The spikes of a stretch of steps, neuron by neuron.
struct SpikesByNeuron {
  uint32_t *end = nullptr;  // of the list of each neuron, which starts where the last one ends
  uint32_t *row = nullptr;  // of each spike
  size_t neurons = 0, capacity = 0;

  bool reserve(size_t n, size_t spikes) {
    if (n > neurons) {
      free(end);
      end = allocate<uint32_t>(n);
      neurons = end ? n : 0;
    }
    if (spikes > capacity) {
      free(row);
      row = allocate<uint32_t>(spikes);
      capacity = row ? spikes : 0;
    }
    return neurons >= n && capacity >= spikes;
  }
  // Row k of a ring of rows belongs to the spikes of step first + k, counted from `start`.
  MLG_ONCE bool sort(const Tape &tape, int64_t first, int64_t last, int n, int64_t start,
                     int64_t length) {
    const uint32_t *offset = tape.offset + (first - tape.base);
    if (!reserve(n, offset[last - first] - offset[0])) return false;
    memset(end, 0, n * sizeof(uint32_t));
    for (uint32_t k = offset[0]; k < offset[last - first]; ++k) ++end[tape.id[k]];
    uint32_t sum = 0;
    for (int j = 0; j < n; ++j) {
      const uint32_t count = end[j];
      end[j] = sum;
      sum += count;
    }
    for (int64_t t = 0; t < last - first; ++t) {
      for (uint32_t k = offset[t]; k < offset[t + 1]; ++k) row[end[tape.id[k]]++] = start;
      if (++start == length) start = 0;
    }
    return true;
  }
  void release() {
    free(end);
    free(row);
  }
};

// gradient[j] += dL/dw of the steps in which the spikes of neuron j arrive, for spikes emitted in
// first <= t < last. A gradient row is read and written once for all of them. Each of
// several teams takes a share of the neurons.
template <int P>
MLG_ONCE static bool add_weight_gradients(float *gradient, int n, const float *weight_grads,
                                          int64_t length, const Tape &tape, int64_t first,
                                          int64_t last, int64_t arrival_delay,
                                          SpikesByNeuron &spikes_by_neuron, int team, int teams) {
  if (first >= last) return true;
  const uint32_t *offset = tape.offset + (first - tape.base);
  int64_t start = (first + arrival_delay) % length;
  const bool few = offset[last - first] - offset[0] < uint32_t(n) / 4;
  if (few) {  // not worth a look at every neuron
    if (team) return true;
    for (int64_t t = 0; t < last - first; ++t) {
      for (uint32_t k = offset[t]; k < offset[t + 1]; ++k)
        add_row<P>(gradient + size_t(tape.id[k]) * P, weight_grads + start * P);
      if (++start == length) start = 0;
    }
    return true;
  }
  if (!spikes_by_neuron.sort(tape, first, last, n, start, length)) return false;
  constexpr int ALL = P / LANES, REST = ALL % BLOCK;
  const Range<uint32_t> of = list_range(n, team, teams);
  for (int v = 0; v < ALL; v += BLOCK) {
    uint32_t begin = of.first ? spikes_by_neuron.end[of.first - 1] : 0;
    for (uint32_t j = of.first; j < of.last; ++j) {
      const uint32_t *rows = spikes_by_neuron.row + begin, count = spikes_by_neuron.end[j] - begin;
      begin = spikes_by_neuron.end[j];
      if (!count) continue;
      float *to = gradient + size_t(j) * P + v * LANES;
      if (v + BLOCK <= ALL) add_block<BLOCK>(to, weight_grads + v * LANES, P, rows, count);
      else if constexpr (REST > 0) add_block<REST>(to, weight_grads + v * LANES, P, rows, count);
    }
  }
  return true;
}
}  // namespace mlg
