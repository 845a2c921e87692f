// What runs batches: threads, slots, the examples of a batch, gradients.
#pragma once
#include "batch/example.h"
#include "batch/left.h"
#include "platform/barrier.h"
#include "platform/thread_pool.h"
#include "slot.h"

namespace {
struct Engine {
  mlg::Pool pool;
  int64_t floats = 0;  // of a state block
  Slot *slots = nullptr;
  int64_t num_slots = 0;
  Scratch *scratch = nullptr;           // [thread * EXAMPLES_PER_TILE + example]
  float *transposed_weights = nullptr;  // for the backward pass
  int64_t together = 1;  // examples that a thread takes through the backward pass at once
  int64_t helpings = 0;  // examples of others that a thread runs forward, at most
  Example *examples = nullptr;
  int64_t *load = nullptr;  // each thread's
  int64_t num_dealt = 0;
  mlg::Barrier barrier;
  float **gradients = nullptr;  // [learned * threads + thread]
  float **flat = nullptr;       // [thread], its gradients one after the other, and one number more
  int64_t flat_size = 0;
  Left *left = nullptr;  // [thread]
  bool sends = false;    // whether gradients go to other processes
  int64_t learned_size[LEARNED + 1] = {};
  float *rate_regularisation_grads[REGULARISED + 1] = {};
  double *squares = nullptr;      // [learned * threads + thread], of gradients
  float norms[LEARNED + 1] = {};  // of each gradient, then of all
  const Call *call = nullptr;
  int status = mlg::OK;

  MLG_COLD bool make_slots(int64_t n) {
    if (n <= num_slots) return true;
    Slot *more = static_cast<Slot *>(realloc(static_cast<void *>(slots), n * sizeof(Slot)));
    if (!more) return false;
    slots = more;
    for (; num_slots < n; ++num_slots) {
      slots[num_slots] = Slot();
      if (!slots[num_slots].create(floats)) return false;
      slots[num_slots].rate_regularisation_grads = rate_regularisation_grads;
    }
    return true;
  }
  MLG_COLD bool create(int threads, int64_t block_floats, const int64_t *sizes) {
    floats = block_floats;
    for (int64_t k = 0; k < LEARNED; ++k) learned_size[k] = sizes[k];
    if (!pool.start(threads) || !make_slots(pool.size)) return false;
    scratch = static_cast<Scratch *>(calloc(pool.size * EXAMPLES_PER_TILE, sizeof(Scratch)));
    if (!scratch) return false;
    for (int64_t k = 0; k < REGULARISED; ++k)
      if (!(rate_regularisation_grads[k] = mlg::allocate<float>(REGULARISED_SIZE[k]))) return false;
    gradients = mlg::allocate<float *>(LEARNED * pool.size);
    flat = mlg::allocate<float *>(pool.size);
    squares = mlg::allocate<double>(LEARNED * pool.size);
    left = mlg::allocate<Left>(pool.size);
    return gradients != nullptr && flat != nullptr && squares != nullptr && left != nullptr &&
           make_gradients();
  }
  MLG_COLD bool make_gradients() {
    memset(flat, 0, pool.size * sizeof(float *));
    for (int64_t k = 0; k < LEARNED; ++k) flat_size += learned_size[k];
    for (int t = 0; t < pool.size; ++t) {
      float *next = flat[t] = mlg::allocate<float>(flat_size + 1);
      if (!next) return false;
      for (int64_t k = 0; k < LEARNED; next += learned_size[k++])
        gradients[k * pool.size + t] = next;
    }
    clear_gradients();
    return true;
  }
  MLG_COLD void clear_gradients() {
    for (int64_t k = 0; k < LEARNED * pool.size; ++k)
      memset(gradients[k], 0, learned_size[k / pool.size] * sizeof(float));
  }
  void gradients_of(int thread, float **mine) const {
    for (int64_t k = 0; k < LEARNED; ++k) mine[k] = gradients[k * pool.size + thread];
  }
  MLG_COLD ~Engine() {
    for (int64_t k = 0; k < num_slots; ++k) slots[k].release();
    free(slots);
    for (int k = 0; scratch && k < pool.size * EXAMPLES_PER_TILE; ++k) scratch[k].release();
    free(scratch);
    free(transposed_weights);
    free(examples);
    free(load);
    for (int t = 0; flat && t < pool.size; ++t) free(flat[t]);
    free(flat);
    free(gradients);
    free(squares);
    free(left);
    for (float *p : rate_regularisation_grads) free(p);
  }
  // Gives each example to the thread that has least to do: steps, and spikes that come in.
  // The same batch is always dealt alike, and a thread adds gradients up in the order of its
  // examples, so sums do not change between runs.
  MLG_COLD bool deal(const Call &c) {
    if (c.batch > num_dealt) {
      free(examples);
      num_dealt = c.batch;
      if (!(examples = mlg::allocate<Example>(c.batch))) return num_dealt = 0;
    }
    if (!load && !(load = mlg::allocate<int64_t>(pool.size))) return false;
    for (int k = 0; k < pool.size; ++k) load[k] = 0;
    for (int64_t b = 0; b < c.batch; ++b) {
      int least = 0;
      for (int k = 1; k < pool.size; ++k)
        if (load[k] < load[least]) least = k;
      examples[b] = Example();
      examples[b].thread = least;
      load[least] += 4 * c.num_steps;
      for (int64_t k = 0; k < INPUTS; ++k) load[least] += c.event_counts[k * c.batch + b];
    }
    return true;
  }
  void failed(int how) { __atomic_store_n(&status, how, __ATOMIC_RELAXED); }
  bool has_failed() const { return __atomic_load_n(&status, __ATOMIC_RELAXED); }
};
}  // namespace
