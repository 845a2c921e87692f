// Spike tape: the spikes of a neuron group in one example, time step by time step.
#pragma once
#include "id_type.h"
#include "platform/memory.h"

namespace mlg {
struct Tape {
  const id_type *id;    // neurons of the spikes, step after step
  uint32_t *offset;     // spikes of step base + k: id[offset[k]] .. id[offset[k + 1] - 1]
  float *record;        // values saved with each spike
  id_type *memory;      // memory of id, unless the spikes come with the data
  int64_t capacity;     // spikes that there is memory for
  const id_type *tail;  // last steps of the previous batch, from which this one continues
  const uint32_t *tail_offset;
  int64_t tail_steps;
  int64_t record_size;  // values saved with a spike
  int64_t base;         // first step on the tape

  // Returns true if n more spikes fit. Memory cannot grow while a kernel runs: the host runs the
  // batch again with longer tapes.
  bool reserve(int64_t used, int64_t n, int64_t) const { return used + n <= capacity; }

  // Drops the steps before `new_base`; step `now` is the next one.
  void drop_before(int64_t new_base, int64_t now) {
    if (new_base <= base) return;
    const int64_t dropped = offset[new_base - base];
    const int64_t remaining = offset[now - base] - dropped;
    MLG_SYNC;
    move_down(memory, dropped, remaining);
    move_down(record, dropped * record_size, remaining * record_size);
    move_down(offset, new_base - base, now + 1 - new_base, uint32_t(dropped));
    base = new_base;
    MLG_SYNC;
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
