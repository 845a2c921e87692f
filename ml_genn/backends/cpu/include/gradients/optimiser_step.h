// Gradients summed over threads, their norms, and the optimisers' step.
#pragma once
#include "batch/engine_state.h"
#include "batch/finite_state.h"
#include "gradients/thread_sum.h"
#include "model_functions.h"
#include "platform/range.h"

namespace {
// Entries of a gradient that are summed and used at once: 8 KB for each thread's part, so that the
// sum is still in the cache when the optimiser reads it.
constexpr int64_t CACHE_CHUNK = 2048;

// Returns one thread's part of learned array k, in whole rows.
mlg::Range<int64_t> learned_range(const Engine &e, int64_t k, int thread) {
  const int64_t n = e.learned_size[k] / mlg::ROW_ALIGNMENT, threads = e.pool.size;
  return {n * thread / threads * mlg::ROW_ALIGNMENT,
          n * (thread + 1) / threads * mlg::ROW_ALIGNMENT};
}

// Sums entries first <= j < last of the gradient of learned array k over threads.
float *sum_gradient(const Engine &e, int64_t k, int64_t first, int64_t last) {
  return sum_over_threads(e.gradients + k * e.pool.size, e.pool.size, first, last);
}

// Task of the pool: takes the optimisers' step with the summed gradients, or returns these, and
// sets them to zero.
void update_weights(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  for (int64_t k = 0; k < LEARNED; ++k) {
    const mlg::Range<int64_t> range = learned_range(e, k, thread);
    uint32_t stored = 0;
    for (int64_t first = range.first; first < range.last; first += CACHE_CHUNK) {
      const int64_t rest = range.last - first, n = rest < CACHE_CHUNK ? rest : CACHE_CHUNK;
      float *sum = e.gradients[k * e.pool.size];
      if (c.phases & mlg::UPDATE)
        stored = mlg::larger(stored, update<true>(c, k, first, first + n, sum, e.norms));
      else if (c.gradients) memcpy(c.gradients[k] + first, sum + first, n * sizeof(float));
      memset(sum + first, 0, n * sizeof(float));
    }
    if (c.phases & mlg::UPDATE) e.max_stored[k * e.pool.size + thread] = stored;
  }
}

// Task of the pool: sums gradients over threads, computes their maxima and the sums of their
// squares.
void sum_gradients(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  for (int64_t k = 0; k < LEARNED; ++k) {
    const mlg::Range<int64_t> range = learned_range(e, k, thread);
    uint32_t largest = 0;
    for (int64_t first = range.first; first < range.last; first += CACHE_CHUNK) {
      const int64_t rest = range.last - first, n = rest < CACHE_CHUNK ? rest : CACHE_CHUNK;
      largest = mlg::larger(largest, largest_bits(sum_gradient(e, k, first, first + n) + first, n));
    }
    e.max_gradients[k * e.pool.size + thread] = largest;
    if (!NORMS) continue;
    const float *gradient = e.gradients[k * e.pool.size];
    double sum = 0;
    for (int64_t j = range.first; j < range.last; ++j) sum += double(gradient[j]) * gradient[j];
    e.squares[k * e.pool.size + thread] = sum;
  }
}

// Computes the norm of each gradient, and of all gradients together.
MLG_COLD void compute_norms(Engine &e) {
  double all = 0;
  for (int64_t k = 0; k < LEARNED; ++k) {
    double sum = 0;
    for (int t = 0; t < e.pool.size; ++t) sum += e.squares[k * e.pool.size + t];
    e.norms[k] = float(sqrt(sum));
    all += sum;
  }
  e.norms[LEARNED] = float(sqrt(all));
}
}  // namespace
