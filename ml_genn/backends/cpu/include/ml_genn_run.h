// Runs batches: examples over threads, each through all its steps, then the weights.
#pragma once
namespace {

struct Engine {
  mlg::Pool pool;
  int64_t floats = 0;  // of a state block
  Slot *slots = nullptr;
  int64_t num_slots = 0;
  float **gradients = nullptr;  // [learned * threads + thread]
  int64_t learned_size[LEARNED + 1] = {};
  float *push[REGULARISED + 1] = {};
  const Call *call = nullptr;
  int status = mlg::FINE;

  MLG_COLD bool make_slots(int64_t n) {
    if (n <= num_slots) return true;
    Slot *more = static_cast<Slot *>(realloc(static_cast<void *>(slots), n * sizeof(Slot)));
    if (!more) return false;
    slots = more;
    for (; num_slots < n; ++num_slots) {
      slots[num_slots] = Slot();
      if (!slots[num_slots].create(floats)) return false;
      slots[num_slots].push = push;
    }
    return true;
  }
  MLG_COLD bool create(int threads, int64_t block_floats, const int64_t *sizes) {
    floats = block_floats;
    for (int64_t k = 0; k < LEARNED; ++k) learned_size[k] = sizes[k];
    if (!pool.start(threads) || !make_slots(pool.size)) return false;
    for (int64_t k = 0; k < REGULARISED; ++k)
      if (!(push[k] = mlg::allocate<float>(REGULARISED_SIZE[k]))) return false;
    gradients = mlg::allocate<float *>(LEARNED * pool.size);
    return gradients != nullptr && make_gradients();
  }
  MLG_COLD bool make_gradients() {
    memset(gradients, 0, LEARNED * pool.size * sizeof(float *));
    for (int64_t k = 0; k < LEARNED * pool.size; ++k)
      if (!(gradients[k] = mlg::allocate<float>(learned_size[k / pool.size]))) return false;
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
    for (int64_t k = 0; gradients && k < LEARNED * pool.size; ++k) free(gradients[k]);
    free(gradients);
    for (float *p : push) free(p);
  }
  void failed(int how) { __atomic_store_n(&status, how, __ATOMIC_RELAXED); }
};

MLG_COLD void record(const Call &c, const Slot &s, int64_t b, int64_t t, bool backward) {
  for (int64_t k = 0; k < c.num_recordings; ++k) {
    const mlg::Recording &r = c.recordings[k];
    if (bool(r.backward) == backward)
      memcpy(r.to + (b * c.num_steps + t) * r.size, s.block + r.offset,
             r.size * sizeof(float));
  }
}

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

void backward(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  float *mine[LEARNED + 1];
  e.gradients_of(thread, mine);
  begin_backward(c, s, b);
  for (int64_t t = c.num_steps - 1; t >= 0; --t) {
    backward_step(c, s, b, t, mine);
    if (c.num_recordings) record(c, s, b, t, true);
  }
  end_backward(s, mine);
}

void run_examples(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  const bool own = c.phases & mlg::OWN_SLOTS;
  for (int64_t b = thread; b < c.batch; b += e.pool.size) {
    Slot &s = e.slots[own ? b : thread];
    if (c.phases & mlg::BEGIN && !s.begin(c, b, e.floats, !(c.phases & mlg::KEEP_STATE)))
      return e.failed(mlg::NO_MEMORY);
    if (c.phases & mlg::FORWARD && !forward(e, c, s, b, thread)) return e.failed(mlg::NO_MEMORY);
    if (c.phases & mlg::END) finish(c, s, b);
    if (c.phases & mlg::BACKWARD) backward(e, c, s, b, thread);
  }
}

// Each thread takes a share of every learned array: sum over threads, optimiser step.
void run_updates(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  const int threads = e.pool.size;
  for (int64_t k = 0; k < LEARNED; ++k) {
    const int64_t n = e.learned_size[k] / mlg::LANES;
    const int64_t first = n * thread / threads * mlg::LANES;
    const int64_t last = n * (thread + 1) / threads * mlg::LANES;
    float *const *parts = e.gradients + k * threads;
    if (c.phases & mlg::UPDATE)
      update(c, k, first, last, parts, threads);
    else
      for (int64_t j = first; j < last; ++j) {
        const float sum = mlg_sum(parts, threads, j);
        if (c.gradients) c.gradients[k][j] = sum;
      }
  }
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

MLG_COLD int run(Engine &e, Call c) {
  const int64_t phases = c.phases;
  e.call = &c;
  e.status = mlg::FINE;
  const bool wait = REGULARISED && (phases & mlg::BACKWARD);
  if (wait) c.phases |= mlg::OWN_SLOTS;
  if (c.phases & mlg::OWN_SLOTS && !e.make_slots(c.batch)) return mlg::NO_MEMORY;
  // A batch that was given up half way may have left part of its gradients.
  if (phases & mlg::BEGIN && phases & mlg::ONLINE) e.clear_gradients();
  if (wait) {
    c.phases &= ~mlg::BACKWARD;
    e.pool.run(run_examples, &e);
    if (e.status) return e.status;
    regularise(e, c);
    c.phases = mlg::BACKWARD | mlg::OWN_SLOTS;
  }
  e.pool.run(run_examples, &e);
  if (e.status) return e.status;
  if (!(phases & (mlg::REDUCE | mlg::UPDATE))) return mlg::FINE;
  const bool good = finite_losses(c);
  c.phases = good ? phases : int64_t(mlg::REDUCE);
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
MLG_PUBLIC uint32_t mlg_random(uint64_t seed, uint64_t example, uint32_t step, uint32_t neuron,
                    uint32_t draw) {
  return mlg::Random(seed, example, step, neuron, draw).bits();
}
}
