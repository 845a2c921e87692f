// Gradients of dense weights, summed over the steps of a window at once.
#pragma once
#include "platform/compiler.h"
#include "platform/memory.h"
#include "spikes/tape.h"
#include "synapses/dense.h"

namespace mlg {
// Spikes of several steps, sorted by neuron (counting sort).
struct SpikesByNeuron {
  uint32_t *end = nullptr;  // spikes of neuron j: row[end[j - 1]] .. row[end[j] - 1]
  uint32_t *row = nullptr;  // of each spike, its step's row in a ring of gradients
  size_t neurons = 0, capacity = 0;

  bool reserve(size_t num_neurons, size_t num_spikes) {
    if (num_neurons > neurons) {
      free(end);
      end = allocate<uint32_t>(num_neurons);
      neurons = end ? num_neurons : 0;
    }
    if (num_spikes > capacity) {
      free(row);
      row = allocate<uint32_t>(num_spikes);
      capacity = row ? num_spikes : 0;
    }
    return neurons >= num_neurons && capacity >= num_spikes;
  }
  // Sorts the spikes of steps first <= t < last. The rows of the ring of `length` rows start with
  // row `start` for step `first`.
  MLG_ONCE bool sort(const Tape &tape, int64_t first, int64_t last, int num_neurons, int64_t start,
                     int64_t length) {
    const uint32_t *offset = tape.offset + (first - tape.base);
    if (!reserve(num_neurons, offset[last - first] - offset[0])) return false;
    memset(end, 0, num_neurons * sizeof(uint32_t));
    for (uint32_t k = offset[0]; k < offset[last - first]; ++k) ++end[tape.id[k]];
    uint32_t sum = 0;
    for (int j = 0; j < num_neurons; ++j) {
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

// With less than one spike for so many neurons, sorting them, which visits every neuron, costs more
// than it saves.
constexpr uint32_t NEURONS_PER_SPIKE = 4;

// gradient[j] += sum of the rows of dL/dw of the steps in which spikes of neuron j arrive, for
// spikes of steps first <= t < last. A gradient row is loaded and stored once for all of them. Each
// of several teams computes a part of the neurons.
template <int P>
MLG_ONCE static bool add_weight_gradients(float *gradient, int n, const float *weight_grads,
                                          int64_t length, const Tape &tape, int64_t first,
                                          int64_t last, int64_t arrival_delay,
                                          SpikesByNeuron &spikes_by_neuron, int team, int teams) {
  if (first >= last) return true;
  const uint32_t *offset = tape.offset + (first - tape.base);
  int64_t start = (first + arrival_delay) % length;
  if (offset[last - first] - offset[0] < uint32_t(n) / NEURONS_PER_SPIKE) {
    if (team) return true;
    for (int64_t t = 0; t < last - first; ++t) {
      for (uint32_t k = offset[t]; k < offset[t + 1]; ++k)
        add_row<P>(gradient + size_t(tape.id[k]) * P, weight_grads + start * P);
      if (++start == length) start = 0;
    }
    return true;
  }
  if (!spikes_by_neuron.sort(tape, first, last, n, start, length)) return false;
  constexpr int ALL = P / LANES, REST = ALL % ACCUMULATORS;
  const Range<uint32_t> range = list_range(n, team, teams);
  for (int v = 0; v < ALL; v += ACCUMULATORS) {
    uint32_t begin = range.first ? spikes_by_neuron.end[range.first - 1] : 0;
    for (uint32_t j = range.first; j < range.last; ++j) {
      const uint32_t *rows = spikes_by_neuron.row + begin, count = spikes_by_neuron.end[j] - begin;
      begin = spikes_by_neuron.end[j];
      if (!count) continue;
      float *to = gradient + size_t(j) * P + v * LANES;
      const float *grads = weight_grads + v * LANES;
      if (v + ACCUMULATORS <= ALL) add_block<ACCUMULATORS>(to, grads, P, rows, count);
      else if constexpr (REST > 0) add_block<REST>(to, grads, P, rows, count);
    }
  }
  return true;
}
}  // namespace mlg
