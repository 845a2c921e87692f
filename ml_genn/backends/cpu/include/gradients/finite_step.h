// Check of gradients, and of the numbers that the optimisers' step would store.
#pragma once
#include "gradients/optimiser_step.h"

namespace {
// Returns true if the step on learned array k cannot overflow, so that it needs no trial.
MLG_COLD bool is_step_safe(const Engine &e, const Call &c, int64_t k) {
  const uint32_t most = mlg::abs_bits(MAX_SAFE_NUMBER);
  if (!HAS_BOUNDED_STEP[k] || e.over_threads(e.max_gradients, k) > most ||
      e.over_threads(e.max_stored, k) > most)
    return false;
  for (int64_t i = 0; i < NUM_SCALARS[k]; ++i) {
    const float scalar = fabsf(c.optimiser_scalars[FIRST_SCALAR[k] + i]);
    if (scalar && !(scalar >= MIN_SAFE_SCALAR && scalar <= MAX_SAFE_SCALAR)) return false;
  }
  return true;
}

// Task of the pool: computes the steps that are not safe, and the largest numbers that they would
// store.
void try_step(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  for (int64_t k = 0; k < LEARNED; ++k) {
    uint32_t &next = e.max_next[k * e.pool.size + thread];
    next = 0;
    if (is_step_safe(e, c, k)) continue;
    const mlg::Range<int64_t> range = learned_range(e, k, thread);
    next = update<false>(c, k, range.first, range.last, e.gradients[k * e.pool.size], e.norms);
  }
}

// Copies maxima, bits of floats, for Python; returns true if all are below a limit.
MLG_COLD bool are_maxima_below(uint32_t limit, const Engine &e, const uint32_t *maxima,
                               uint32_t *to) {
  bool below = true;
  for (int64_t k = 0; k < LEARNED; ++k) {
    to[k] = e.over_threads(maxima, k);
    below &= to[k] < limit;
  }
  return below;
}

// Sums gradients over threads. Returns flags of Status if they are not finite, or the numbers that
// the step would store are too large.
MLG_COLD int check_step(Engine &e, const Call &c) {
  e.pool.run(sum_gradients, &e);
  if (!are_maxima_below(mlg::INFINITY_BITS, e, e.max_gradients, c.maxima))
    return mlg::GRADIENT_NOT_FINITE;
  if (!(c.phases & mlg::UPDATE)) return mlg::OK;
  if (NORMS) compute_norms(e);
  if (NORMS && !isfinite(e.norms[LEARNED])) return mlg::GRADIENT_NOT_FINITE;
  bool safe = true;
  for (int64_t k = 0; k < LEARNED; ++k) safe &= is_step_safe(e, c, k);
  if (safe) return mlg::OK;
  e.pool.run(try_step, &e);
  const uint32_t limit = mlg::abs_bits(MAX_STORED_NUMBER);
  return are_maxima_below(limit, e, e.max_next, c.maxima + LEARNED) ? mlg::OK : mlg::STEP_TOO_LARGE;
}
}  // namespace
