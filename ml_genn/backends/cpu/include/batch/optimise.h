// Gradients summed over threads, and the optimisers' step.
#pragma once
#include "batch/engine_state.h"
#include "batch/gradient_sum.h"
#include "model_functions.h"

namespace {
// Each thread takes a share of every learned array.
struct Part {
  int64_t first, last;
  Part(const Engine &e, int64_t k, int thread) {
    const int64_t n = e.learned_size[k] / mlg::ROW, threads = e.pool.size;
    first = n * thread / threads * mlg::ROW;
    last = n * (thread + 1) / threads * mlg::ROW;
  }
};

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
}  // namespace
