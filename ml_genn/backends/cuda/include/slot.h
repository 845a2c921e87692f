// Memory of an example while its thread blocks run.
#pragma once
#include "batch/scratch.h"
#include "call.h"
#include "engine.h"
#include "model_tables.h"

using mlg::Call;
namespace {
struct Slot {
  float *block;                             // rows of state, then delay rings
  uint8_t *flags, *active;                  // of neurons, in a step
  mlg::Tape tapes[TAPES + 1];               // spikes of each group, and active neurons
  float *step_loss_grads[OUTPUTS + 1];      // dL/dy of the losses of every step
  float *history[HISTORIES + 1];            // state at the start of each step
  int64_t window;                           // steps in tapes, step_loss_grads and history
  mlg::Online online;                       // state of online learning
  float *loss;                              // sum over the steps so far, of each output
  float *const *rate_regularisation_grads;  // of each neuron and spike
  int64_t activated_at[LAZY_ADJOINTS + 1];  // last step in which a lazy adjoint is not zero, or -1
  mlg::LazyPropagator propagators[LAZY_PROPAGATORS + 1];  // of interleaved adjoints
  Scratch scratch[1];

  // Returns the first step on tapes in the block of steps that step t belongs to: that of the first
  // spike that may not have arrived when the block before started.
  static int64_t first_stored_step(const Call &c, int64_t t) {
    const int64_t first = t - t % c.block_steps - 2 * c.carryover_steps;
    return first > 0 && c.window < c.num_steps ? first : 0;
  }
  static bool comes_with_data(const Call &c, int64_t tape) { return !c.tape_shapes[2 * tape]; }

  // Before step t, the first of a block of steps: drops spikes that no later step reads.
  void begin_block(const Call &c, int64_t t) {
    for (int64_t k = 0; k < TAPES; ++k)
      if (!comes_with_data(c, k)) tapes[k].drop_before(first_stored_step(c, t), t);
  }

  // shared: shared memory of the thread block.
  Slot(const Call &c, int64_t b, float *shared)
      : block(c.uses_shared_memory ? shared : c.state_blocks + b * c.state_floats),
        flags(c.flags + b * 2 * FLAG_BYTES),
        active(flags + FLAG_BYTES),
        window(c.window),
        online{c.online_rows + b * ONLINE_FLOATS,
               c.online_weight_grads + b * (c.block_steps + c.carryover_steps) * ONLINE_STEP_FLOATS,
               c.online_has_spiked + b * ONLINE_SOURCES, c.block_steps + c.carryover_steps},
        loss(c.loss_sums + b * OUTPUTS),
        rate_regularisation_grads(c.rate_regularisation_grads) {
    for (int64_t k = 0; k < TAPES; ++k) set_tape(c, b, k);
    for (int64_t k = 0; k < OUTPUTS; ++k)
      step_loss_grads[k] = c.step_loss_grads[k] + b * window * STEP_LOSS_GRAD_SIZE[k];
    for (int64_t k = 0; k < HISTORIES; ++k)
      history[k] = c.history[k] + b * window * HISTORY_SIZE[k];
    scratch->ring_length = c.ring_length;
    for (int64_t k = 0; k < GRAD_RINGS; ++k)
      scratch->grad_rings[k] = c.grad_rings[k] + b * c.ring_length * GRAD_RING_SIZE[k];
  }

  void set_tape(const Call &c, int64_t b, int64_t k) {
    const int64_t capacity = c.tape_shapes[2 * k], record_size = c.tape_shapes[2 * k + 1];
    const int64_t steps = comes_with_data(c, k) ? c.num_steps : window;
    mlg::Tape &tape = tapes[k];
    id_type *ids = c.tape_ids[k] + b * capacity;
    uint32_t *offsets = c.tape_offsets[k] + b * (steps + 2);
    tape = {ids, offsets, c.tape_records[k] + b * capacity * record_size, ids, capacity};
    tape.record_size = record_size;
    tape.tail_steps = c.tail_steps;
    if (!comes_with_data(c, k) && c.first_step) tape.base = first_stored_step(c, c.first_step - 1);
    if (!c.tail_steps) return;
    tape.tail = c.tail_ids[k];
    tape.tail_offset = c.tail_offsets[k] + b * (c.tail_steps + 2);
  }
};

// Returns a row of the state block.
template <class T>
inline T *row_(Slot &s, int64_t offset) {
  return reinterpret_cast<T *>(s.block + offset);
}
}  // namespace
