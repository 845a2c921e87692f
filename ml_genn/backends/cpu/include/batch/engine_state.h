// State of the engine: threads, memory of examples, gradients.
#pragma once
#include "batch/example.h"
#include "finite.h"
#include "gradients/deferred_gradients.h"
#include "platform/barrier.h"
#include "platform/thread_pool.h"
#include "slot.h"

namespace {
// Work of one time step, in units of one input spike; see assign_examples.
constexpr int64_t WORK_PER_STEP = 4;

struct Engine {
  mlg::ThreadPool pool;
  mlg::Barrier barrier;
  const Call *call = nullptr;
  int status = mlg::OK;
  int32_t code_status = mlg::OK;  // of the code of neurons, after which all threads go on
  bool is_running = false;        // a call runs, or did when this process was forked
  bool all_states_finite = true;  // at the ends of the examples of the call
  // Memory of examples.
  int64_t block_size = 0;  // floats of a state block
  Slot *slots = nullptr;
  int64_t num_slots = 0;
  Scratch *scratch = nullptr;  // [thread * EXAMPLES_PER_TILE + example of the tile]
  // Examples of the batch.
  Example *examples = nullptr;
  int64_t example_capacity = 0;
  int64_t *work = nullptr;  // [thread], of the examples assigned to it
  int64_t tile_size = 1;    // examples whose backward pass a thread runs together
  int64_t max_stolen = 0;   // examples of other threads that a thread runs forward
  // Gradients of learned arrays.
  int64_t learned_size[LEARNED + 1] = {};
  int64_t num_learned = 0;                // sum of these sizes
  float **gradients = nullptr;            // [learned array * threads + thread]
  float **gradient_memory = nullptr;      // [thread], all its gradients, then an error count
  DeferredGradients *deferred = nullptr;  // [thread]
  bool sums_over_processes = false;
  float *transposed_weights = nullptr;
  float *rate_regularisation_grads[REGULARISED + 1] = {};
  double *squares = nullptr;      // [learned array * threads + thread], sums of squared gradients
  float norms[LEARNED + 1] = {};  // of each gradient, then of all
  // Largest absolute values as bits (finite.h), [learned array * threads + thread]: of gradients,
  // of what the step would store, and of what the last step stored.
  uint32_t *max_gradients = nullptr, *max_next = nullptr, *max_stored = nullptr;

  MLG_COLD bool reserve_slots(int64_t n) {
    if (n <= num_slots) return true;
    Slot *more = static_cast<Slot *>(realloc(static_cast<void *>(slots), n * sizeof(Slot)));
    if (!more) return false;
    slots = more;
    for (; num_slots < n; ++num_slots) {
      slots[num_slots] = Slot();
      if (!slots[num_slots].create(block_size)) return false;
      slots[num_slots].rate_regularisation_grads = rate_regularisation_grads;
    }
    return true;
  }
  MLG_COLD bool create(int threads, int64_t block_floats, const int64_t *sizes) {
    block_size = block_floats;
    for (int64_t k = 0; k < LEARNED; ++k) learned_size[k] = sizes[k];
    if (!pool.start(threads) || !reserve_slots(pool.size)) return false;
    scratch = static_cast<Scratch *>(calloc(pool.size * EXAMPLES_PER_TILE, sizeof(Scratch)));
    if (!scratch) return false;
    for (int64_t k = 0; k < REGULARISED; ++k)
      if (!(rate_regularisation_grads[k] = mlg::allocate<float>(REGULARISED_SIZE[k]))) return false;
    gradients = mlg::allocate<float *>(LEARNED * pool.size);
    gradient_memory = mlg::allocate<float *>(pool.size);
    squares = mlg::allocate<double>(LEARNED * pool.size);
    deferred = mlg::allocate<DeferredGradients>(pool.size);
    return gradients && gradient_memory && squares && deferred && create_maxima() &&
           create_gradients();
  }
  MLG_COLD bool create_maxima() {
    uint32_t **maxima[] = {&max_gradients, &max_next, &max_stored};
    for (uint32_t **of_arrays : maxima)
      if (!(*of_arrays = mlg::allocate<uint32_t>(LEARNED * pool.size))) return false;
    learned_values_changed();
    return true;
  }
  // Forgets what the last step stored, so that the next one is checked before it is taken.
  MLG_COLD void learned_values_changed() {
    for (int64_t k = 0; k < LEARNED * pool.size; ++k) max_stored[k] = mlg::INFINITY_BITS;
  }
  // Returns the largest of the threads' maxima of learned array k.
  uint32_t over_threads(const uint32_t *maxima, int64_t k) const {
    uint32_t largest = 0;
    for (int t = 0; t < pool.size; ++t) largest = mlg::larger(largest, maxima[k * pool.size + t]);
    return largest;
  }
  MLG_COLD bool create_gradients() {
    memset(gradient_memory, 0, pool.size * sizeof(float *));
    for (int64_t k = 0; k < LEARNED; ++k) num_learned += learned_size[k];
    for (int t = 0; t < pool.size; ++t) {
      float *next = gradient_memory[t] = mlg::allocate<float>(num_learned + 1);
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
  // Copies the addresses of one thread's gradients.
  void thread_gradients(int thread, float **to) const {
    for (int64_t k = 0; k < LEARNED; ++k) to[k] = gradients[k * pool.size + thread];
  }
  // Assigns each example to the thread with the least work, by steps and input spikes. The same
  // batch is always assigned in the same way, and a thread adds gradients in the order of its
  // examples, so sums are the same in every run.
  MLG_COLD bool assign_examples(const Call &c) {
    if (c.batch > example_capacity) {
      free(examples);
      example_capacity = c.batch;
      if (!(examples = mlg::allocate<Example>(c.batch))) return example_capacity = 0;
    }
    if (!work && !(work = mlg::allocate<int64_t>(pool.size))) return false;
    for (int k = 0; k < pool.size; ++k) work[k] = 0;
    for (int64_t b = 0; b < c.batch; ++b) {
      int least = 0;
      for (int k = 1; k < pool.size; ++k)
        if (work[k] < work[least]) least = k;
      examples[b] = Example();
      examples[b].thread = least;
      work[least] += WORK_PER_STEP * c.num_steps;
      for (int64_t k = 0; k < INPUTS; ++k) work[least] += c.event_counts[k * c.batch + b];
    }
    return true;
  }
  void state_is_not_finite() { __atomic_store_n(&all_states_finite, false, __ATOMIC_RELAXED); }
  void fail(int error) { __atomic_store_n(&status, error, __ATOMIC_RELAXED); }
  bool has_failed() const { return __atomic_load_n(&status, __ATOMIC_RELAXED); }

  MLG_COLD ~Engine() {
    for (int64_t k = 0; k < num_slots; ++k) slots[k].release();
    free(slots);
    for (int k = 0; scratch && k < pool.size * EXAMPLES_PER_TILE; ++k) scratch[k].release();
    free(scratch);
    free(transposed_weights);
    free(examples);
    free(work);
    for (int t = 0; gradient_memory && t < pool.size; ++t) free(gradient_memory[t]);
    free(gradient_memory);
    free(gradients);
    free(squares);
    free(max_gradients);
    free(max_next);
    free(max_stored);
    free(deferred);
    for (float *grads : rate_regularisation_grads) free(grads);
  }
};
}  // namespace
