// Spikes as users give them, neuron after neuron, to the lists of a tape, step after step.
#pragma once
namespace {

// Spikes of neuron i: times[ends[i - 1]] .. times[ends[i] - 1].
struct Given {
  const double *times;
  const int64_t *ends;
  int64_t neurons, spikes, num_steps;
  double dt, latest, tolerance;
};

// The first step at or after each spike, num_steps at most. Whether all times are in range.
bool first_steps(const Given &g, uint32_t *step) {
  const double last = double(g.num_steps);
  int wrong = 0;
  MLG_LOOP
  for (int64_t k = 0; k < g.spikes; ++k) {
    const double time = g.times[k], first = ceil(time / g.dt - g.tolerance);
    wrong |= !(time >= 0) | !(time <= g.latest);
    step[k] = uint32_t(int32_t(first < last ? first : last));
  }
  return !wrong;
}

// Lets a neuron have one spike a step; more are postponed. Whether the times of each ascend.
// count: where steps t + 1 count the spikes of step t.
bool postpone(const Given &g, uint32_t *step, uint32_t *count) {
  int64_t k = 0;
  for (int64_t i = 0; i < g.neurons; ++i) {
    const int64_t end = g.ends[i];
    if (end < k || end > g.spikes) return false;
    for (int64_t from = k; k < end; ++k) {
      if (k > from) {
        if (g.times[k] < g.times[k - 1]) return false;
        if (step[k] <= step[k - 1]) step[k] = step[k - 1] + 1;
        if (step[k] > g.num_steps) step[k] = uint32_t(g.num_steps);
      }
      ++count[step[k] + 1];
    }
  }
  return k == g.spikes;
}

// Sorted by step and then by neuron; returns how many there are before the end, or a negative
// number: MISPLACED where they are not in order or in range.
constexpr int64_t MISPLACED = -1, NO_ROOM = -2;
int64_t encode(const Given &g, int32_t *steps, id_type *ids) {
  uint32_t *step = mlg::allocate<uint32_t>(g.spikes);
  uint32_t *place = mlg::allocate<uint32_t>(g.num_steps + 2);
  int64_t found = NO_ROOM;
  if (step && place) {
    memset(place, 0, (g.num_steps + 2) * sizeof(uint32_t));
    found = MISPLACED;
    if (first_steps(g, step) && postpone(g, step, place)) {
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
  }
  free(step);
  free(place);
  return found;
}
}  // namespace
