// Where an example lives while its thread block runs.
#pragma once
#define gennrand_uniform() random_.uniform()
#define gennrand_normal() random_.normal()
#define gennrand_exponential() random_.exponential()
#define gennrand() random_.bits()

using mlg::Call;
namespace {

struct Scratch {
  float *grad_rings[GRAD_RINGS + 1];  // rows of dL/dw, one for each step of a block
  int64_t ring_length;
  mlg::SpikesByNeuron spikes_by_neuron;
};

struct Slot {
  float *block;             // rows of state, then delay rings
  uint8_t *flags, *active;  // of neurons, in a step
  mlg::Tape tapes[TAPES + 1];
  float *step_loss_grads[OUTPUTS + 1];  // dL/dy of losses of every step
  float *history[HISTORIES + 1];        // state at the start of each step
  int64_t window;                       // steps that these hold
  mlg::Online online;
  float *loss;
  float *const *rate_regularisation_grads;  // of each neuron and spike
  int64_t activated_at[LAZY_ADJOINTS + 1];  // last step in which a lazy adjoint is not zero, or -1
  mlg::LazyPropagator propagators[LAZY_PROPAGATORS + 1];  // of interleaved adjoints
  Scratch scratch[1];

  // The first step that is kept on tapes while the block of step t runs.
  static int64_t kept_from(const Call &c, int64_t t) {
    const int64_t first = t - t % c.block - 2 * c.carried;
    return first > 0 && c.window < c.num_steps ? first : 0;
  }
  // Before step t, the first of a block: forgets what is over.
  void begin_block(const Call &c, int64_t t) {
    for (int64_t k = 0; k < TAPES; ++k)
      if (c.tape_shapes[2 * k]) tapes[k].forget(kept_from(c, t), t);
  }

  Slot(const Call &c, int64_t b, float *shared)
      : block(c.shared ? shared : c.blocks + b * c.floats),
        flags(c.flags + b * 2 * FLAG_BYTES),
        active(flags + FLAG_BYTES),
        window(c.window),
        online{c.online_rows + b * ONLINE_FLOATS,
               c.online_weight_grads + b * (c.block + c.carried) * ONLINE_STEP_FLOATS,
               c.online_has_spiked + b * ONLINE_SOURCES, c.block + c.carried},
        loss(c.loss_sums + b * OUTPUTS),
        rate_regularisation_grads(c.rate_regularisation_grads) {
    for (int64_t k = 0; k < TAPES; ++k) {
      const int64_t capacity = c.tape_shapes[2 * k], numbers = c.tape_shapes[2 * k + 1];
      id_type *ids = c.tape_ids[k] + b * capacity;
      uint32_t *offsets = c.tape_offsets[k] + b * ((capacity ? window : c.num_steps) + 2);
      tapes[k] = {ids, offsets, c.tape_records[k] + b * capacity * numbers, ids, capacity};
      tapes[k].tail_steps = c.tail_steps;
      tapes[k].numbers = numbers;
      if (capacity && c.first_step) tapes[k].base = kept_from(c, c.first_step - 1);
      if (!c.tail_steps) continue;
      tapes[k].tail = c.tail_ids[k];
      tapes[k].tail_offset = c.tail_offsets[k] + b * (c.tail_steps + 2);
    }
    for (int64_t k = 0; k < OUTPUTS; ++k)
      step_loss_grads[k] = c.step_loss_grads[k] + b * window * STEP_LOSS_GRAD_SIZE[k];
    for (int64_t k = 0; k < HISTORIES; ++k)
      history[k] = c.history[k] + b * window * HISTORY_SIZE[k];
    scratch->ring_length = c.ring_length;
    for (int64_t k = 0; k < GRAD_RINGS; ++k)
      scratch->grad_rings[k] = c.grad_rings[k] + b * c.ring_length * GRAD_RING_SIZE[k];
  }
};

// A row of the state block.
template <class T>
inline T *row_(Slot &s, int64_t offset) {
  return reinterpret_cast<T *>(s.block + offset);
}
}  // namespace
