// A call of the engine: forward and backward pass of a batch, then the optimisers' step.
#pragma once
#include "batch/schedule.h"
#include "gradients/allreduce.h"
#include "gradients/finite_step.h"
#include "gradients/optimiser_step.h"
#include "gradients/rate_regularisation.h"

namespace {
// Bounds on the examples of other threads that a thread runs forward before their backward pass:
// their number, and the floats of their states and of values saved for the backward pass (8 MB).
constexpr int64_t MAX_STOLEN_EXAMPLES = 8, MAX_STOLEN_FLOATS = 1 << 21;
// Bound on the values that an example saves for active neurons if several examples run their
// backward pass together (32 MB).
constexpr int64_t MAX_TILE_FLOATS = 1 << 23;

MLG_COLD bool are_losses_finite(const Call &c) {
  for (int64_t k = 0; k < c.batch * OUTPUTS; ++k)
    if (!isfinite(c.losses[k])) return false;
  return true;
}

// Returns how many examples of other threads a thread may run forward.
MLG_COLD int64_t max_stolen_examples(const Engine &e, const Call &c) {
  if (e.pool.size == 1) return 0;
  int64_t step_floats = ACTIVE_FLOATS;
  for (int64_t k = 0; k < HISTORIES; ++k) step_floats += HISTORY_SIZE[k];
  const int64_t example_floats = step_floats * c.num_steps + e.block_size;
  int64_t n = c.batch < MAX_STOLEN_EXAMPLES ? c.batch : MAX_STOLEN_EXAMPLES;
  while (n * example_floats > MAX_STOLEN_FLOATS) n /= 2;
  return n;
}

// Transposes weights and chooses the examples of a tile; false if memory runs out.
MLG_COLD bool prepare_tiles(Engine &e, const Call &c) {
  if (!TRANSPOSED_FLOATS) return true;
  if (!e.transposed_weights && !(e.transposed_weights = mlg::allocate<float>(TRANSPOSED_FLOATS)))
    return false;
  e.pool.run(transpose_task, &e);
  const int64_t examples_per_thread = (c.batch + e.pool.size - 1) / e.pool.size;
  const bool is_too_large = c.num_steps * ACTIVE_FLOATS > MAX_TILE_FLOATS;
  e.tile_size = EXAMPLES_PER_TILE;
  while (e.tile_size > 1 && (e.tile_size > examples_per_thread || is_too_large)) e.tile_size /= 2;
  return true;
}

MLG_COLD bool prepare_backward(Engine &e, const Call &c) {
  if (!prepare_tiles(e, c)) return false;
  e.max_stolen = max_stolen_examples(e, c);
  return e.reserve_slots(e.pool.size * (e.tile_size + e.max_stolen));
}

// Prepares a call; false if memory runs out.
MLG_COLD bool prepare(Engine &e, const Call &c) {
  if (c.phases & mlg::OWN_SLOTS && !e.reserve_slots(c.batch)) return false;
  if (!e.assign_examples(c)) return false;
  if (c.phases & mlg::BACKWARD && !prepare_backward(e, c)) return false;
  e.sums_over_processes = c.begin_allreduce && c.phases & (mlg::REDUCE | mlg::UPDATE);
  for (int t = 0; t < e.pool.size; ++t) e.deferred[t].num_slots = 0;
  // A batch whose steps were not run to the end may have left gradients.
  if (c.phases & mlg::BEGIN && c.phases & mlg::ONLINE) e.clear_gradients();
  return true;
}

// Returns true if all threads run each example together: if there are more threads than examples.
MLG_COLD bool should_split_examples(const Engine &e, const Call &c) {
  return c.batch < e.pool.size && c.phases & mlg::FORWARD && !(c.phases & mlg::ONLINE);
}

// Runs forward and backward passes. The gradient of rate regularisers needs the spikes of all
// examples, so with them the backward passes begin after all forward passes.
MLG_COLD void run_passes(Engine &e, Call &c) {
  if (REGULARISED && c.phases & mlg::BACKWARD) {
    c.phases &= ~int64_t(mlg::BACKWARD);
    e.pool.run(run_examples, &e);
    if (e.status) return;
    compute_rate_gradients(e, c);
    if (e.status) return;
    // Examples stay assigned to their threads, and their forward passes have ended.
    c.phases = mlg::BACKWARD | mlg::OWN_SLOTS;
  }
  e.pool.run(CAN_SPLIT_EXAMPLES && should_split_examples(e, c) ? run_split_examples : run_examples,
             &e);
}

MLG_COLD int run(Engine &e, Call c) {
  if (REGULARISED && c.phases & mlg::BACKWARD) c.phases |= mlg::OWN_SLOTS;
  const int64_t phases = c.phases;
  e.call = &c;
  e.status = e.code_status = mlg::OK;
  c.status = &e.code_status;
  e.all_states_finite = true;
  for (int64_t g = 0; g < GROUPS; ++g) c.state_not_finite[g] = 0;
  if (!prepare(e, c)) return mlg::OUT_OF_MEMORY;
  run_passes(e, c);
  e.status |= e.code_status;
  const bool sums = phases & (mlg::REDUCE | mlg::UPDATE);
  int not_finite = e.all_states_finite ? mlg::OK : mlg::STATE_NOT_FINITE;
  if (sums && !e.status && !are_losses_finite(c)) not_finite |= mlg::LOSS_NOT_FINITE;
  if (e.sums_over_processes && !e.status && !allreduce_gradients(e, c, !not_finite) && !not_finite)
    not_finite = mlg::PROCESS_NOT_FINITE;
  if (e.status) {
    e.clear_gradients();  // some have been added already
    return e.status;
  }
  if (!sums) return not_finite;
  c.phases = phases;
  if (!not_finite) not_finite = check_step(e, c);
  if (not_finite) e.clear_gradients();
  else e.pool.run(update_weights, &e);
  return not_finite;
}
}  // namespace
