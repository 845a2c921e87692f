// Memory of an example while it runs: state block, tapes, losses. A thread has a few slots; or each
// example has its own, if it must be readable after the batch.
#pragma once
#include "batch/scratch.h"
#include "call.h"
#include "engine.h"
#include "members.h"
#include "model_tables.h"

using mlg::Call;
namespace {
struct Slot {
  bool is_new = true;         // no example has run here yet
  float *block = nullptr;     // state block: rows of state, then delay rings
  uint8_t *flags = nullptr;   // of neurons that spike in a step
  uint8_t *active = nullptr;  // of neurons with a nonzero surrogate derivative in a step
  mlg::Tape tapes[TAPES + 1];
  // dL/dy of losses of every step, and state at the start of each step. Step t is row t % window.
  float *step_loss_grads[OUTPUTS + 1] = {};
  float *history[HISTORIES + 1] = {};
  int64_t step_loss_grad_steps = 0, history_steps = 0;  // steps that there is memory for
  int64_t window = 0;                                   // steps that these and tapes hold
  mlg::Online online;
  float loss[OUTPUTS + 1] = {};
  float *const *rate_regularisation_grads = nullptr;      // dL by a spike of each neuron
  int64_t activated_at[LAZY_ADJOINTS + 1] = {};           // last step with a nonzero adjoint, or -1
  mlg::LazyPropagator propagators[LAZY_PROPAGATORS + 1];  // of interleaved adjoints
  Scratch *scratch = nullptr;                             // of the thread of the backward pass

  MLG_COLD bool create(int64_t block_size) {
    block = mlg::allocate<float>(block_size);
    flags = create_flags();
    active = create_flags();
    return block && flags && active;
  }
  // Flags are read in words, beyond the last one.
  MLG_COLD static uint8_t *create_flags() {
    constexpr size_t SIZE = FLAG_BYTES + mlg::FLAG_WORD;
    uint8_t *created = mlg::allocate<uint8_t>(SIZE);
    if (created) memset(created, 0, SIZE);
    return created;
  }

  // Begins an example with its initial state, or with the state in which the last batch ended.
  MLG_COLD bool begin(const Call &c, int64_t block_size, bool reset) {
    if (reset || is_new) {
      memcpy(block, c.initial_state, block_size * sizeof(float));
      for (mlg::Tape &tape : tapes) tape.drop_tail();
    } else if (!continue_state(c)) {
      return false;
    }
    is_new = false;
    window = c.num_steps;
    // The spikes of a block, and those before it that may still arrive in it or in its traces.
    const int64_t needed = c.block_steps + 2 * c.carryover_steps;
    if (c.phases & mlg::DROP_SPIKES && needed < window) window = needed;
    for (int64_t k = 0; k < TAPES; ++k)
      if (!tapes[k].begin(window)) return false;
    for (float &l : loss) l = 0;
    return reserve_step_loss_grads(window) && reserve_history(window);
  }
  // Begins a block of steps at step t: drops old spikes and loads the block's input events.
  void begin_block(const Call &c, int64_t b, int64_t t) {
    if (c.phases & mlg::DROP_SPIKES)
      for (int64_t k = 0; k < TAPES; ++k) tapes[k].drop_before(t - 2 * c.carryover_steps, t);
    const int64_t end = t + c.block_steps < c.num_steps ? t + c.block_steps : c.num_steps;
    for (int64_t k = 0; k < INPUTS; ++k) {
      const int64_t at = k * c.batch + b;
      tapes[INPUT_TAPE[k]].load_events(c.event_steps[at], c.event_ids[at], c.event_counts[at], t,
                                       end);
    }
  }
  // Keeps neurons and synapses as they are, resets readouts, and makes the end of the last batch
  // step 0: its last spikes become tails, and delay rings are rotated.
  MLG_COLD bool continue_state(const Call &c) {
    for (int64_t k = 0; READOUT_ROWS[k] >= 0; k += 2)
      memcpy(block + READOUT_ROWS[k], c.initial_state + READOUT_ROWS[k],
             READOUT_ROWS[k + 1] * sizeof(float));
    for (int64_t k = 0; k < TAPES; ++k)
      if (!tapes[k].save_tail(c.carryover_steps, c.num_steps)) return false;
    for (int64_t k = 0; k < c.num_delay_rings; ++k) {
      const int64_t *ring = c.delay_rings + 3 * k;  // offset, length, row
      if (!rotate(block + ring[0], ring[1], ring[2], c.num_steps)) return false;
    }
    return true;
  }
  // Rotates a ring of rows so that row `by` becomes the first.
  MLG_COLD static bool rotate(float *ring, int64_t length, int64_t row, int64_t by) {
    float *copy = mlg::allocate<float>(length * row);
    if (!copy) return false;
    memcpy(copy, ring, length * row * sizeof(float));
    for (int64_t i = 0; i < length; ++i)
      memcpy(ring + i * row, copy + (by + i) % length * row, row * sizeof(float));
    free(copy);
    return true;
  }
  MLG_COLD bool reserve_step_loss_grads(int64_t steps) {
    if (steps <= step_loss_grad_steps) return true;
    for (int64_t k = 0; k < OUTPUTS; ++k) {
      if (!STEP_LOSS_GRAD_SIZE[k]) continue;
      free(step_loss_grads[k]);
      step_loss_grads[k] = mlg::allocate<float>(steps * STEP_LOSS_GRAD_SIZE[k]);
      if (!step_loss_grads[k]) return false;
      memset(step_loss_grads[k], 0, steps * STEP_LOSS_GRAD_SIZE[k] * sizeof(float));
    }
    step_loss_grad_steps = steps;
    return true;
  }
  MLG_COLD bool reserve_history(int64_t steps) {
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
    for (float *grads : step_loss_grads) free(grads);
    online.release();
  }
};

// Returns a row of the state block.
template <class T>
inline T *row_(Slot &s, int64_t offset) {
  return static_cast<T *>(__builtin_assume_aligned(s.block + offset, mlg::CACHE_LINE));
}
}  // namespace
