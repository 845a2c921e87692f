// Gradients summed over processes.
#pragma once
#include "batch/backward_api.h"
#include "batch/engine_state.h"
#include "gradients/optimiser_step.h"

namespace {
// Floats of a bucket, at least: large enough that the start of a sum costs little, and small enough
// that sums begin while threads still add gradients.
constexpr int64_t BUCKET_SIZE = 1 << 17;

// Task of the pool: sums gradients over threads and, bucket by bucket, over processes. While
// processes sum one bucket, the threads complete the next. The last bucket ends with the number of
// processes that failed.
void allreduce_in_buckets(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  float *bucket = e.gradient_memory[0], *end = bucket;
  for (int64_t k = 0; k < LEARNED; ++k) {
    if (!mlg_add_deferred_gradients(&e, c, k, thread)) e.fail(mlg::OUT_OF_MEMORY);
    if (thread == 0) c.advance_allreduces();
    e.barrier.wait(e.pool.size);
    const mlg::Range<int64_t> range = learned_range(e, k, thread);
    sum_gradient(e, k, range.first, range.last);
    e.barrier.wait(e.pool.size);
    end += e.learned_size[k];
    if (thread || k + 1 == LEARNED || end - bucket < BUCKET_SIZE) continue;
    c.begin_allreduce(bucket, end - bucket);
    bucket = end;
  }
  if (thread) return;
  if (e.has_failed()) *end = 1;
  c.begin_allreduce(bucket, end + 1 - bucket);
}

// Sums gradients over threads and processes, into those of thread 0. Returns true if the losses and
// states of all processes are finite and none has failed.
MLG_COLD bool allreduce_gradients(Engine &e, const Call &c, bool finite) {
  float &num_failed = e.gradient_memory[0][e.num_learned];
  num_failed = !finite;
  e.pool.run(allreduce_in_buckets, &e);
  if (!c.end_allreduces()) e.fail(mlg::ALLREDUCE_FAILED);
  return num_failed == 0;
}
}  // namespace
