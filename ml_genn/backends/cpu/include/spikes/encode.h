// Spikes as users give them, neuron after neuron, to the lists of a tape, step after step.
#pragma once
#include "c_headers.h"
#include "id_type.h"
#include "platform/memory.h"

namespace {
// Spikes of neuron i: times[ends[i - 1]] .. times[ends[i] - 1].
struct Given {
  const double *times;
  const int64_t *ends;
  int64_t neurons, spikes, num_steps;
  double dt, latest, tolerance;
};

// The step of each spike: the first at or after it, num_steps at most; a neuron has one spike a
// step, and more are postponed. Whether all times are in range and those of a neuron ascend.
// count: where steps t + 1 count the spikes of step t.
bool steps_of(const Given &g, uint32_t *step, uint32_t *count) {
  const double end = double(g.num_steps);
  int64_t k = 0;
  for (int64_t i = 0; i < g.neurons; ++i) {
    if (g.ends[i] < k || g.ends[i] > g.spikes) return false;
    double before = 0, next = 0;  // the neuron's last spike; the first step it has not used
    for (; k < g.ends[i]; ++k) {
      const double time = g.times[k];
      if (!(time >= before && time <= g.latest)) return false;
      before = time;
      double first = ceil(time / g.dt - g.tolerance);
      if (first < next) first = next;
      if (first > end) first = end;
      next = first + 1;
      step[k] = uint32_t(int32_t(first));
      ++count[step[k] + 1];
    }
  }
  return k == g.spikes;
}

// Sorted by step and then by neuron; returns how many there are before the end, or -1 where
// they are not in order or in range, or memory runs out.
int64_t encode(const Given &g, int32_t *steps, id_type *ids) {
  uint32_t *step = mlg::allocate<uint32_t>(g.spikes);
  uint32_t *place = mlg::allocate<uint32_t>(g.num_steps + 2);
  int64_t found = -1;
  if (place) memset(place, 0, (g.num_steps + 2) * sizeof(uint32_t));
  if (step && place && steps_of(g, step, place)) {
    for (int64_t t = 0; t <= g.num_steps; ++t) place[t + 1] += place[t];
    found = place[g.num_steps];
    for (int64_t i = 0, k = 0; i < g.neurons; ++i)
      for (; k < g.ends[i]; ++k) {
        const uint32_t at = place[step[k]]++;
        if (at >= found) continue;
        steps[at] = int32_t(step[k]);
        ids[at] = static_cast<id_type>(i);
      }
  }
  free(step);
  free(place);
  return found;
}
}  // namespace
