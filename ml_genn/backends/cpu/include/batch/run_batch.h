// A batch from its first step to the optimisers'.
#pragma once
#include "batch/allreduce.h"
#include "batch/optimise.h"
#include "batch/regularise.h"
#include "batch/run_examples.h"

namespace {
MLG_COLD bool finite_losses(const Call &c) {
  for (int64_t k = 0; k < c.batch * OUTPUTS; ++k)
    if (!isfinite(c.losses[k])) return false;
  return true;
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
MLG_COLD bool prepare_transposed(Engine &e, const Call &c) {
  if (!TRANSPOSED_FLOATS) return true;
  if (!e.transposed_weights && !(e.transposed_weights = mlg::allocate<float>(TRANSPOSED_FLOATS)))
    return false;
  e.pool.run(run_transpose, &e);
  const int64_t share = (c.batch + e.pool.size - 1) / e.pool.size;
  const int64_t floats = c.num_steps * ACTIVE_FLOATS, most = 1 << 23;  // 32 MB for each
  e.together = EXAMPLES_PER_TILE;
  while (e.together > 1 && (e.together > share || floats > most)) e.together /= 2;
  return true;
}

MLG_COLD bool prepare_backward(Engine &e, const Call &c) {
  if (!prepare_transposed(e, c)) return false;
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
  e.status = mlg::OK;
  const bool wait = REGULARISED && (phases & mlg::BACKWARD);
  if (wait) c.phases |= mlg::OWN_SLOTS;
  if (c.phases & mlg::OWN_SLOTS && !e.make_slots(c.batch)) return mlg::OUT_OF_MEMORY;
  if (!e.deal(c)) return mlg::OUT_OF_MEMORY;
  if (phases & mlg::BACKWARD && !prepare_backward(e, c)) return mlg::OUT_OF_MEMORY;
  e.sends = c.begin_allreduce && phases & (mlg::REDUCE | mlg::UPDATE);
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
  e.pool.run(CAN_SPLIT_EXAMPLES && worth_sharing(e, c) ? run_team : run_examples, &e);
  const bool sums = phases & (mlg::REDUCE | mlg::UPDATE);
  bool good = !sums || finite_losses(c);
  if (e.sends && !e.status) good = sum_over_processes(e, c, good);
  if (e.status) {
    e.clear_gradients();  // parts of them are there
    return e.status;
  }
  if (!sums) return mlg::OK;
  c.phases = good ? phases : int64_t(mlg::REDUCE);
  if (NORMS && good && phases & mlg::UPDATE) measure(e);
  e.pool.run(run_updates, &e);
  return good ? mlg::OK : mlg::NOT_FINITE;
}
}  // namespace
