// Where an example lives while it runs: its state block, tapes and losses. A thread has a few
// slots, or each example has its own where all must stay until the batch is through.
#pragma once
#include "batch/scratch.h"
#include "call.h"
#include "engine.h"
#include "members.h"
#include "model_tables.h"

using mlg::Call;
namespace {
struct Slot {
  float *block = nullptr;                       // rows of state, then delay rings
  uint8_t *flags = nullptr, *active = nullptr;  // of neurons, in a step
  mlg::Tape tapes[TAPES + 1];
  float *step_loss_grads[OUTPUTS + 1] = {};  // dL/dy of losses of every step
  float *history[HISTORIES + 1] = {};        // state at the start of each step
  int64_t step_loss_grad_steps = 0, history_steps = 0;
  // Steps that tapes, step_loss_grads and history hold; step t is row t % window.
  int64_t window = 0;
  mlg::Online online;
  float loss[OUTPUTS + 1] = {};
  float *const *rate_regularisation_grads = nullptr;  // of each neuron and spike
  // Last step in which a lazy adjoint is not zero, or -1.
  int64_t activated_at[LAZY_ADJOINTS + 1] = {};
  mlg::LazyPropagator propagators[LAZY_PROPAGATORS + 1];  // of interleaved adjoints
  Scratch *scratch = nullptr;  // of the thread that runs the backward pass

  MLG_COLD bool create(int64_t floats) {
    block = mlg::allocate<float>(floats);
    flags = mlg::allocate<uint8_t>(FLAG_BYTES + 64);
    active = mlg::allocate<uint8_t>(FLAG_BYTES + 64);
    if (flags) memset(flags, 0, FLAG_BYTES + 64);
    if (active) memset(active, 0, FLAG_BYTES + 64);
    return block && flags && active;
  }
  bool fresh = true;  // whether no example has run here yet

  MLG_COLD bool begin(const Call &c, int64_t b, int64_t floats, bool reset) {
    if (reset || fresh) {
      memcpy(block, c.initial_state, floats * sizeof(float));
      for (mlg::Tape &tape : tapes) tape.drop_tail();
    } else if (!carry_over(c)) {
      return false;
    }
    fresh = false;
    window = c.num_steps;
    const int64_t enough = c.block + 2 * c.carried;
    if (c.phases & mlg::DROP_SPIKES && enough < window) window = enough;
    for (int64_t k = 0; k < TAPES; ++k)
      if (!tapes[k].begin(window)) return false;
    if (window > step_loss_grad_steps) {
      for (int64_t k = 0; k < OUTPUTS; ++k) {
        if (!STEP_LOSS_GRAD_SIZE[k]) continue;
        free(step_loss_grads[k]);
        step_loss_grads[k] = mlg::allocate<float>(window * STEP_LOSS_GRAD_SIZE[k]);
        if (!step_loss_grads[k]) return false;
        memset(step_loss_grads[k], 0, window * STEP_LOSS_GRAD_SIZE[k] * sizeof(float));
      }
      step_loss_grad_steps = window;
    }
    for (float &l : loss) l = 0;
    return remember(window);
  }
  // Before step t, the first of a block: forgets what is over, plays what comes.
  void begin_block(const Call &c, int64_t b, int64_t t) {
    if (c.phases & mlg::DROP_SPIKES)
      for (int64_t k = 0; k < TAPES; ++k) tapes[k].forget(t - 2 * c.carried, t);
    const int64_t end = t + c.block < c.num_steps ? t + c.block : c.num_steps;
    for (int64_t k = 0; k < INPUTS; ++k) {
      const int64_t at = k * c.batch + b;
      tapes[INPUT_TAPE[k]].play(c.event_steps[at], c.event_ids[at], c.event_counts[at], t, end);
    }
  }
  // Neurons and synapses stay as they are; readouts start anew, time starts at 0.
  MLG_COLD bool carry_over(const Call &c) {
    for (int64_t k = 0; READOUT_ROWS[k] >= 0; k += 2)
      memcpy(block + READOUT_ROWS[k], c.initial_state + READOUT_ROWS[k],
             READOUT_ROWS[k + 1] * sizeof(float));
    for (int64_t k = 0; k < TAPES; ++k)
      if (!tapes[k].keep_tail(c.carried, c.num_steps)) return false;
    for (int64_t k = 0; k < c.num_delay_rings; ++k) {
      const int64_t *ring = c.delay_rings + 3 * k;  // offset, length, row
      const int64_t length = ring[1], row = ring[2];
      float *copy = mlg::allocate<float>(length * row);
      if (!copy) return false;
      memcpy(copy, block + ring[0], length * row * sizeof(float));
      for (int64_t i = 0; i < length; ++i)
        memcpy(block + ring[0] + i * row, copy + (c.num_steps + i) % length * row,
               row * sizeof(float));
      free(copy);
    }
    return true;
  }
  MLG_COLD bool remember(int64_t steps) {
    if (steps <= history_steps) return true;
    for (int64_t k = 0; k < HISTORIES; ++k) {
      free(history[k]);
      history[k] = mlg::allocate<float>(steps * HISTORY_SIZE[k]);
      if (!history[k]) return false;
    }
    history_steps = steps;
    return true;
  }
  MLG_COLD void release() {
    free(block);
    free(flags);
    free(active);
    for (float *h : history) free(h);
    for (mlg::Tape &tape : tapes) tape.release();
    for (float *d : step_loss_grads) free(d);
    online.release();
  }
};

// A row of the state block.
template <class T>
inline T *row_(Slot &s, int64_t offset) {
  return static_cast<T *>(__builtin_assume_aligned(s.block + offset, 64));
}
}  // namespace
