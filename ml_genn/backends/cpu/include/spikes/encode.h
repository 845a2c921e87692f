// Spike times of an example, neuron by neuron, as events sorted by time step.
#pragma once
#include "c_headers.h"
#include "call.h"
#include "id_type.h"
#include "platform/memory.h"

using mlg::EncodeRequest;

namespace {
// Computes the time step of each spike and counts the spikes of each step: count[t + 1] is
// increased for a spike of step t. A spike belongs to the first step at or after its time, and to
// num_steps at the latest. A neuron has at most one spike in a step; more are postponed. Returns
// false if a time is out of range, or if the times of a neuron do not ascend.
bool spike_steps(const EncodeRequest &r, uint32_t *step, uint32_t *count) {
  const double end = double(r.num_steps);
  int64_t spike = 0;
  for (int64_t neuron = 0; neuron < r.num_neurons; ++neuron) {
    if (r.ends[neuron] < spike || r.ends[neuron] > r.num_spikes) return false;
    double last_time = 0, next_free = 0;  // of this neuron: its last spike, the next free step
    for (; spike < r.ends[neuron]; ++spike) {
      const double time = r.times[spike];
      if (!(time >= last_time && time <= r.latest)) return false;
      last_time = time;
      double first = ceil(time / r.dt - r.tolerance);
      if (first < next_free) first = next_free;
      if (first > end) first = end;
      next_free = first + 1;
      step[spike] = uint32_t(int32_t(first));
      ++count[step[spike] + 1];
    }
  }
  return spike == r.num_spikes;
}

// Counting sort by step, then by neuron. Returns the number of events before the end, or -1 if
// the times are not valid or memory runs out.
int64_t encode(const EncodeRequest &r, int32_t *steps, id_type *ids) {
  uint32_t *step = mlg::allocate<uint32_t>(r.num_spikes);
  uint32_t *place = mlg::allocate<uint32_t>(r.num_steps + 2);
  int64_t num_events = -1;
  if (place) memset(place, 0, (r.num_steps + 2) * sizeof(uint32_t));
  if (step && place && spike_steps(r, step, place)) {
    for (int64_t t = 0; t <= r.num_steps; ++t) place[t + 1] += place[t];
    num_events = place[r.num_steps];
    for (int64_t neuron = 0, spike = 0; neuron < r.num_neurons; ++neuron)
      for (; spike < r.ends[neuron]; ++spike) {
        const uint32_t at = place[step[spike]]++;
        if (at >= num_events) continue;
        steps[at] = int32_t(step[spike]);
        ids[at] = static_cast<id_type>(neuron);
      }
  }
  free(step);
  free(place);
  return num_events;
}
}  // namespace
