// Spike tape: the spikes of a neuron group in one example, time step by time step.
#pragma once
#include "c_headers.h"
#include "id_type.h"
#include "platform/compiler.h"
#include "platform/memory.h"

namespace mlg {
// List entries that `collect` writes for every 64 neurons, however many spiked: writing them costs
// less than the branches that would prevent it.
constexpr int UNROLL = 4;

struct Tape {
  const id_type *id = nullptr;  // neurons of the spikes, step after step
  uint32_t *offset = nullptr;   // spikes of step base + k: id[offset[k]] .. id[offset[k + 1] - 1]
  int64_t base = 0;             // first step on the tape
  float *record = nullptr;      // values saved with each spike
  id_type *memory = nullptr;    // memory of id, unless the spikes come with the data
  size_t capacity = 0;          // spikes that there is memory for
  size_t step_capacity = 0;     // steps that there is memory for
  size_t record_size = 0;       // values saved with a spike
  // The last steps of the previous batch, from which this one continues; see spikes_at.
  id_type *tail = nullptr;
  uint32_t *tail_offset = nullptr;
  int64_t tail_steps = 0;

  // Makes the last steps, at most `max_steps`, the tail.
  MLG_COLD bool save_tail(int64_t max_steps, int64_t num_steps) {
    const int64_t available = num_steps - base;
    const int64_t steps = max_steps < available ? max_steps : available;
    const uint32_t *offsets = offset + (available - steps);
    const uint32_t first = offsets[0], last = offsets[steps];
    id_type *new_tail = allocate<id_type>(last - first);
    uint32_t *new_offset = allocate<uint32_t>(steps + 1);
    if (!new_tail || !new_offset) return false;
    if (last > first) memcpy(new_tail, id + first, (last - first) * sizeof(id_type));
    for (int64_t k = 0; k <= steps; ++k) new_offset[k] = offsets[k] - first;
    drop_tail();
    tail = new_tail;
    tail_offset = new_offset;
    tail_steps = steps;
    return true;
  }
  MLG_COLD void drop_tail() {
    free(tail);
    free(tail_offset);
    tail = nullptr;
    tail_offset = nullptr;
    tail_steps = 0;
  }
  // Empties the tape and reserves memory for the offsets of some steps.
  MLG_COLD bool begin(size_t num_steps) {
    if (num_steps > step_capacity || !offset) {
      free(offset);
      offset = allocate<uint32_t>(num_steps + 2);
      step_capacity = num_steps;
    }
    if (!offset) return false;
    offset[0] = 0;
    base = 0;
    id = memory;
    return true;
  }
  // Reserves memory for n more spikes with `values` saved values each, and for the entries that
  // `collect` writes behind them.
  bool reserve(size_t used, size_t n, size_t values) {
    record_size = values;
    n += UNROLL;
    if (used + n <= capacity) return true;
    const size_t larger = capacity * 2 > used + n ? capacity * 2 : used + n;
    id_type *ids = static_cast<id_type *>(realloc(memory, larger * sizeof(id_type)));
    if (!ids) return false;
    memory = ids;
    id = ids;
    if (values) {
      float *records = static_cast<float *>(realloc(record, larger * values * sizeof(float)));
      if (!records) return false;
      record = records;
    }
    capacity = larger;
    return true;
  }
  // Sets the spikes of steps first <= t < last to those of n events, sorted by step. The steps
  // before them are set already.
  void load_events(const int32_t *step, const id_type *ids, int64_t n, int64_t first,
                   int64_t last) {
    id = ids;
    int64_t k = offset[first - base];
    for (int64_t t = first; t < last; ++t) {
      while (k < n && step[k] == t) ++k;
      offset[t + 1 - base] = static_cast<uint32_t>(k);
    }
  }
  // Drops the steps before `new_base`; step `now` is the next one.
  MLG_COLD void drop_before(int64_t new_base, int64_t now) {
    if (new_base <= base) return;
    const int64_t dropped = new_base - base;
    const uint32_t first = id == memory ? offset[dropped] : 0, last = offset[now - base];
    if (first < last && first) {
      const size_t n = last - first;
      memmove(memory, memory + first, n * sizeof(id_type));
      if (record_size)
        memmove(record, record + first * record_size, n * record_size * sizeof(float));
    }
    for (int64_t k = 0; k <= now - new_base; ++k) offset[k] = offset[k + dropped] - first;
    base = new_base;
  }
  MLG_COLD void release() {
    drop_tail();
    free(offset);
    free(memory);
    free(record);
  }
};

// Neurons that spiked in one step.
struct Spikes {
  const id_type *id;
  uint32_t n;
};
// Returns the spikes of step t; steps before 0 are those of the previous batch.
static inline Spikes spikes_at(const Tape &tape, int64_t t) {
  if (t < 0) {
    if (-t > tape.tail_steps) return {nullptr, 0};
    const uint32_t *at = tape.tail_offset + tape.tail_steps + t;
    return {tape.tail + at[0], at[1] - at[0]};
  }
  const uint32_t *at = tape.offset + (t - tape.base);
  return {tape.id + at[0], at[1] - at[0]};
}
}  // namespace mlg
