// Spikes of the neurons of a group, step by step.
#pragma once
#include "c_headers.h"
#include "id_type.h"
#include "platform/compiler.h"
#include "platform/memory.h"

namespace mlg {
// Of 64 neurons, so many are listed whether they spiked or not, since asking takes longer.
constexpr int UNASKED = 4;

// The spikes of one group in one example, as lists of neurons, one list a step.
struct Tape {
  const id_type *id = nullptr;  // neurons, step after step
  uint32_t *offset = nullptr;   // list of step base + k: id[offset[k]] .. id[offset[k + 1] - 1]
  int64_t base = 0;             // the first step whose list is kept
  float *record = nullptr;      // numbers kept with each spike
  id_type *own = nullptr;       // where id points, unless the spikes came with the data
  size_t capacity = 0, steps = 0, numbers = 0;  // numbers: of each spike in record
  // The last lists of the batch before, where a batch carries on from it.
  id_type *tail = nullptr;
  uint32_t *tail_offset = nullptr;
  int64_t tail_steps = 0;

  // Keeps the lists of the last `wanted` of `num_steps` steps.
  MLG_COLD bool keep_tail(int64_t wanted, int64_t num_steps) {
    const int64_t held = num_steps - base, kept = wanted < held ? wanted : held;
    const uint32_t first = offset[held - kept], last = offset[held];
    id_type *ids = allocate<id_type>(last - first);
    uint32_t *offsets = allocate<uint32_t>(kept + 1);
    if (!ids || !offsets) return false;
    if (last > first) memcpy(ids, id + first, (last - first) * sizeof(id_type));
    for (int64_t k = 0; k <= kept; ++k) offsets[k] = offset[held - kept + k] - first;
    drop_tail();
    tail = ids;
    tail_offset = offsets;
    tail_steps = kept;
    return true;
  }
  MLG_COLD void drop_tail() {
    free(tail);
    free(tail_offset);
    tail = nullptr;
    tail_offset = nullptr;
    tail_steps = 0;
  }
  MLG_COLD bool begin(size_t num_steps) {
    if (num_steps > steps || !offset) {
      free(offset);
      offset = allocate<uint32_t>(num_steps + 2);
      steps = num_steps;
    }
    if (!offset) return false;
    offset[0] = 0;
    base = 0;
    id = own;
    return true;
  }
  // Room for n more spikes, each with k numbers, and for what collect writes behind them.
  bool reserve(size_t used, size_t n, size_t k) {
    numbers = k;
    n += UNASKED;
    if (used + n <= capacity) return true;
    size_t larger = capacity * 2 > used + n ? capacity * 2 : used + n;
    id_type *ids = static_cast<id_type *>(realloc(own, larger * sizeof(id_type)));
    if (!ids) return false;
    own = ids;
    id = ids;
    if (k) {
      float *numbers = static_cast<float *>(realloc(record, larger * k * sizeof(float)));
      if (!numbers) return false;
      record = numbers;
    }
    capacity = larger;
    return true;
  }
  // Lists of steps first <= t < last of a group whose spikes come with the data, sorted
  // by step; those of the steps before are there.
  void play(const int32_t *step, const id_type *ids, int64_t n, int64_t first, int64_t last) {
    id = ids;
    int64_t k = offset[first - base];
    for (int64_t t = first; t < last; ++t) {
      while (k < n && step[k] == t) ++k;
      offset[t + 1 - base] = static_cast<uint32_t>(k);
    }
  }
  // Drops the lists of steps before `from`; those before step `now` are there.
  MLG_COLD void forget(int64_t from, int64_t now) {
    if (from <= base) return;
    const int64_t gone = from - base;
    const uint32_t first = id == own ? offset[gone] : 0, last = offset[now - base];
    if (first < last && first) {
      memmove(own, own + first, (last - first) * sizeof(id_type));
      if (numbers)
        memmove(record, record + first * numbers, (last - first) * numbers * sizeof(float));
    }
    for (int64_t k = 0; k <= now - from; ++k) offset[k] = offset[k + gone] - first;
    base = from;
  }
  MLG_COLD void release() {
    drop_tail();
    free(offset);
    free(own);
    free(record);
  }
};

struct Spikes {
  const id_type *id;
  uint32_t n;
};
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
