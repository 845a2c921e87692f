// All but the backward pass.
#pragma once
#include "ml_genn_encode.h"
namespace {
bool forward(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  float *mine[LEARNED + 1];
  e.gradients_of(thread, mine);
  for (int64_t t = c.first; t < c.last; ++t) {
    const int64_t first = t - t % c.block;
    if (t == first) s.begin_block(c, b, t);
    if (!forward_step(c, s, b, t)) return false;
    if (c.num_recordings) record(c, s, b, t, false);
    const bool through = t + 1 == first + c.block || t + 1 == c.num_steps;
    if (c.phases & mlg::ONLINE && through && !learn_block(c, s, b, first, t + 1, mine))
      return false;
  }
  return true;
}

// Whether active neurons, where they are listed, are many enough to share weights.
bool worth_together(const Call &c, Slot *const *slots, int n) {
  for (int64_t k = 0; k < LISTED; ++k) {
    int64_t entries = 0;
    for (int m = 0; m < n; ++m) entries += slots[m]->tapes[LISTED_TAPE[k]].offset[c.num_steps];
    if (2 * entries >= n * c.num_steps * LISTED_SIZE[k]) return true;
  }
  return LISTED == 0;
}

bool forward_example(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  if (c.phases & mlg::BEGIN && !s.begin(c, b, e.floats, !(c.phases & mlg::KEEP_STATE)))
    return false;
  if (c.phases & mlg::FORWARD && !forward(e, c, s, b, thread)) return false;
  if (c.phases & mlg::END) finish(c, s, b);
  return true;
}

// One example on all threads: each advances a share of the neurons, then one thread lists
// the spikes of all.
void forward_team(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  const int threads = e.pool.size;
  for (int64_t t = c.first; t < c.last; ++t) {
    if (thread == 0 && t % c.block == 0) s.begin_block(c, b, t);
    e.barrier.wait(threads);
    if (e.has_failed()) return;
    advance<false>(c, s, b, t, thread, threads);
    e.barrier.wait(threads);
    if (thread) continue;
    if (!fire(c, s, b, t)) e.failed(mlg::NO_MEMORY);
    if (c.num_recordings) record(c, s, b, t, false);
  }
}

void run_team(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  for (int64_t b = 0; b < c.batch; ++b) {
    Slot &s = e.slots[c.phases & mlg::OWN_SLOTS ? b : 0];
    const bool reset = !(c.phases & mlg::KEEP_STATE);
    if (thread == 0 && c.phases & mlg::BEGIN && !s.begin(c, b, e.floats, reset))
      e.failed(mlg::NO_MEMORY);
    e.barrier.wait(e.pool.size);
    if (e.has_failed()) return;
    forward_team(e, c, s, b, thread);
    e.barrier.wait(e.pool.size);
    if (e.has_failed()) return;
    if (thread == 0 && c.phases & mlg::END) finish(c, s, b);
    if (c.phases & mlg::BACKWARD) mlg_backward_team(&e, c, &s, b, thread);
  }
}

// Runs an example forward in a slot of this thread. Whether it did: another may have begun it.
bool begin_example(Engine &e, const Call &c, int64_t b, int64_t slot, int thread) {
  Example &x = e.examples[b];
  if (!x.begin()) return false;
  x.slot = &e.slots[c.phases & mlg::OWN_SLOTS ? b : slot];
  if (!forward_example(e, c, *x.slot, b, thread)) e.failed(mlg::NO_MEMORY);
  x.end();
  return true;
}

// Runs examples of other threads forward, those that come last for them.
void help(Engine &e, const Call &c, int thread) {
  if (c.phases & mlg::ONLINE) return;  // a thread learns from its own while they run
  const bool kept = c.phases & mlg::BACKWARD;
  int64_t slot = kept ? e.pool.size * e.together + thread * e.helpings : thread * e.together;
  int64_t left = kept ? e.helpings : c.batch;
  for (int64_t b = c.batch - 1; b >= 0 && left && !e.has_failed(); --b)
    if (begin_example(e, c, b, slot, thread)) {
      slot += kept;
      --left;
    }
}

void run_examples(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  Slot *slots[TOGETHER];
  int64_t examples[TOGETHER];
  int n = 0;
  int64_t to_come = 0;
  for (int64_t b = 0; b < c.batch; ++b) to_come += e.examples[b].thread == thread;
  for (int64_t b = 0; b <= c.batch; ++b) {
    if (b < c.batch) {
      if (e.examples[b].thread != thread) continue;
      begin_example(e, c, b, thread * e.together + n, thread);
      if (e.has_failed()) return;
      if (!(c.phases & mlg::BACKWARD)) continue;
      examples[n++] = b;
      --to_come;
      if (n < e.together) continue;
    }
    for (int m = 0; m < n; ++m) {
      e.examples[examples[m]].wait();
      slots[m] = e.examples[examples[m]].slot;
    }
    if (e.has_failed()) return;
    const int side_by_side = worth_together(c, slots, n) ? n : 1;
    for (int m = 0; m < n; m += side_by_side) {
      const bool leave = e.sends && to_come == 0 && m + side_by_side == n;
      if (!mlg_backward(&e, c, slots + m, examples + m, side_by_side, thread, leave))
        return e.failed(mlg::NO_MEMORY);
    }
    n = 0;
  }
  help(e, c, thread);
}

void run_pack(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  pack(*e.call, e.packed, thread, e.pool.size);
}

// Each thread takes a share of every learned array.
struct Part {
  int64_t first, last;
  Part(const Engine &e, int64_t k, int thread) {
    const int64_t n = e.learned_size[k] / mlg::ROW, threads = e.pool.size;
    first = n * thread / threads * mlg::ROW;
    last = n * (thread + 1) / threads * mlg::ROW;
  }
};

constexpr int64_t PIECE = 1 << 17;  // of all gradients, at least, that processes sum at a time
constexpr int64_t STRETCH = 2048;  // of a gradient: it stays in cache between sum and step

// Numbers first <= j < last of a learned array's gradient, summed over threads; left with the
// first one.
float *sum_threads(const Engine &e, int64_t k, int64_t first, int64_t last) {
  return mlg_sum(e.gradients + k * e.pool.size, e.pool.size, first, last);
}

// Sum over threads, optimiser step.
void run_updates(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  for (int64_t k = 0; k < LEARNED; ++k) {
    const Part share(e, k, thread);
    for (int64_t first = share.first; first < share.last; first += STRETCH) {
      const int64_t rest = share.last - first, n = rest < STRETCH ? rest : STRETCH;
      float *sum = sum_threads(e, k, first, first + n);
      if (c.phases & mlg::UPDATE) update(c, k, first, first + n, sum, e.norms);
      else if (c.gradients) memcpy(c.gradients[k] + first, sum + first, n * sizeof(float));
      memset(sum + first, 0, n * sizeof(float));
    }
  }
}

// Sum over threads, left with the first one, and its squares.
void run_squares(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  for (int64_t k = 0; k < LEARNED; ++k) {
    const Part share(e, k, thread);
    const float *gradient = sum_threads(e, k, share.first, share.last);
    double sum = 0;
    for (int64_t j = share.first; j < share.last; ++j) sum += double(gradient[j]) * gradient[j];
    e.squares[k * e.pool.size + thread] = sum;
  }
}

MLG_COLD void measure(Engine &e) {
  e.pool.run(run_squares, &e);
  double all = 0;
  for (int64_t k = 0; k < LEARNED; ++k) {
    double sum = 0;
    for (int t = 0; t < e.pool.size; ++t) sum += e.squares[k * e.pool.size + t];
    e.norms[k] = float(sqrt(sum));
    all += sum;
  }
  e.norms[LEARNED] = float(sqrt(all));
}

// How strongly each neuron's firing rate, over the batch, is pushed towards its target.
MLG_COLD void regularise(Engine &e, const Call &c) {
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const float *strength = c.loss_scalars + 2 * OUTPUTS + 3 * g;  // lower, upper, target
    float *push = e.push[g];
    for (int64_t j = 0; j < REGULARISED_SIZE[g]; ++j) push[j] = 0;
    for (int64_t b = 0; b < c.batch; ++b) {
      const mlg::Tape &tape = e.slots[b].tapes[REGULARISED_TAPE[g]];
      for (uint32_t k = 0; k < tape.offset[c.num_steps]; ++k) push[tape.id[k]] += 1;
    }
    if (c.begin_sum) {
      c.begin_sum(push, REGULARISED_SIZE[g]);
      if (!c.end_sums()) return e.failed(mlg::NO_SUM);
    }
    for (int64_t j = 0; j < REGULARISED_SIZE[g]; ++j) {
      const float excess = push[j] * c.scale - strength[2];
      push[j] = (excess > 0 ? strength[1] : strength[0]) * excess * c.scale;
    }
  }
}

MLG_COLD bool finite_losses(const Call &c) {
  for (int64_t k = 0; k < c.batch * OUTPUTS; ++k)
    if (!isfinite(c.losses[k])) return false;
  return true;
}

// Gradients of all threads, left with the first one, which sends them to the other processes
// piece by piece: while one is under way, the threads complete the next.
void run_pieces(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  float *piece = e.flat[0], *end = piece;
  for (int64_t k = 0; k < LEARNED; ++k) {
    if (!mlg_take_left(&e, c, k, thread)) e.failed(mlg::NO_MEMORY);
    if (thread == 0) c.advance_sums();
    e.barrier.wait(e.pool.size);
    const Part share(e, k, thread);
    sum_threads(e, k, share.first, share.last);
    e.barrier.wait(e.pool.size);
    end += e.learned_size[k];
    if (thread || k + 1 == LEARNED || end - piece < PIECE) continue;
    c.begin_sum(piece, end - piece);
    piece = end;
  }
  if (thread) return;
  if (e.has_failed()) *end = 1;
  c.begin_sum(piece, end + 1 - piece);
}

// Gradients of all processes, left with the first thread; whether all of them are good: the
// number behind them says how many are not.
MLG_COLD bool sum_over_processes(Engine &e, const Call &c, bool good) {
  float &wrong = e.flat[0][e.flat_size];
  wrong = !good;
  e.pool.run(run_pieces, &e);
  if (!c.end_sums()) e.failed(mlg::NO_SUM);
  return wrong == 0;
}

// How many examples of others a thread runs forward, at most: each keeps its state and what it
// remembers of steps until its own thread comes to it.
MLG_COLD int64_t helpings(const Engine &e, const Call &c) {
  constexpr int64_t MOST = 8, FLOATS = 1 << 21;  // 8 MB
  if (e.pool.size == 1) return 0;
  int64_t floats = ACTIVE_FLOATS;
  for (int64_t k = 0; k < HISTORIES; ++k) floats += HISTORY_SIZE[k];
  int64_t n = c.batch < MOST ? c.batch : MOST;
  while (n * (floats * c.num_steps + e.floats) > FLOATS) n /= 2;
  return n;
}

// Gets ready for a backward pass: weights by target, and how many examples run side by side.
MLG_COLD bool prepare_packed(Engine &e, const Call &c) {
  if (!PACKED) return true;
  if (!e.packed && !(e.packed = mlg::allocate<float>(PACKED))) return false;
  e.pool.run(run_pack, &e);
  const int64_t share = (c.batch + e.pool.size - 1) / e.pool.size;
  const int64_t floats = c.num_steps * ACTIVE_FLOATS, most = 1 << 23;  // 32 MB for each
  e.together = TOGETHER;
  while (e.together > 1 && (e.together > share || floats > most)) e.together /= 2;
  return true;
}

MLG_COLD bool prepare_backward(Engine &e, const Call &c) {
  if (!prepare_packed(e, c)) return false;
  e.helpings = helpings(e, c);
  return e.make_slots(e.pool.size * (e.together + e.helpings));
}

// Whether the threads share each example: there are fewer.
MLG_COLD bool worth_sharing(const Engine &e, const Call &c) {
  return c.batch < e.pool.size && c.phases & mlg::FORWARD && !(c.phases & mlg::ONLINE);
}

MLG_COLD int run(Engine &e, Call c) {
  const int64_t phases = c.phases;
  e.call = &c;
  e.status = mlg::FINE;
  const bool wait = REGULARISED && (phases & mlg::BACKWARD);
  if (wait) c.phases |= mlg::OWN_SLOTS;
  if (c.phases & mlg::OWN_SLOTS && !e.make_slots(c.batch)) return mlg::NO_MEMORY;
  if (!e.deal(c)) return mlg::NO_MEMORY;
  if (phases & mlg::BACKWARD && !prepare_backward(e, c)) return mlg::NO_MEMORY;
  e.sends = c.begin_sum && phases & (mlg::REDUCE | mlg::UPDATE);
  for (int t = 0; t < e.pool.size; ++t) e.left[t].n = 0;
  // A batch that was given up half way may have left part of its gradients.
  if (phases & mlg::BEGIN && phases & mlg::ONLINE) e.clear_gradients();
  if (wait) {
    c.phases &= ~mlg::BACKWARD;
    e.pool.run(run_examples, &e);
    if (e.status) return e.status;
    regularise(e, c);  // what was dealt stays dealt: all examples have been run forward
    if (e.status) return e.status;
    c.phases = mlg::BACKWARD | mlg::OWN_SLOTS;
  }
  e.pool.run(SHAREABLE && worth_sharing(e, c) ? run_team : run_examples, &e);
  const bool sums = phases & (mlg::REDUCE | mlg::UPDATE);
  bool good = !sums || finite_losses(c);
  if (e.sends && !e.status) good = sum_over_processes(e, c, good);
  if (e.status) {
    e.clear_gradients();  // parts of them are there
    return e.status;
  }
  if (!sums) return mlg::FINE;
  c.phases = good ? phases : int64_t(mlg::REDUCE);
  if (NORMS && good && phases & mlg::UPDATE) measure(e);
  e.pool.run(run_updates, &e);
  return good ? mlg::FINE : mlg::NOT_FINITE;
}
}  // namespace

#define MLG_PUBLIC __attribute__((visibility("default"), cold))
extern "C" {
// learned_sizes: numbers in each learned array, whole vectors.
MLG_PUBLIC void *mlg_create(int threads, int64_t block_floats, const int64_t *learned_sizes) {
  Engine *e = new (static_cast<Engine *>(malloc(sizeof(Engine)))) Engine();
  if (!e->create(threads, block_floats, learned_sizes)) {
    e->~Engine();
    free(e);
    return nullptr;
  }
  return e;
}
MLG_PUBLIC void mlg_destroy(void *engine) {
  static_cast<Engine *>(engine)->~Engine();
  free(engine);
}
MLG_PUBLIC int mlg_threads(const void *engine) { return static_cast<const Engine *>(engine)->pool.size; }
MLG_PUBLIC int mlg_run(void *engine, const Call *call) { return run(*static_cast<Engine *>(engine), *call); }
// The state block and the tapes of an example that ran in a slot of its own.
MLG_PUBLIC float *mlg_block(void *engine, int64_t slot) {
  return static_cast<Engine *>(engine)->slots[slot].block;
}
MLG_PUBLIC const id_type *mlg_spike_ids(void *engine, int64_t slot, int64_t tape) {
  return static_cast<Engine *>(engine)->slots[slot].tapes[tape].id;
}
MLG_PUBLIC const uint32_t *mlg_spike_offsets(void *engine, int64_t slot, int64_t tape) {
  return static_cast<Engine *>(engine)->slots[slot].tapes[tape].offset;
}
// Spikes by step; see encode.
__attribute__((visibility("default"), hot)) int64_t mlg_encode(const Given *given, int32_t *steps, id_type *ids) {
  return encode(*given, steps, ids);
}
MLG_PUBLIC uint32_t mlg_random(uint64_t seed, uint64_t example, uint32_t step, uint32_t neuron,
                    uint32_t draw) {
  return mlg::Random(seed, example, step, neuron, draw).bits();
}
}
