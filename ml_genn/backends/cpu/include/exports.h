// Functions that Python calls; see abi.py.
#pragma once
#include "batch/run_batch.h"
#include "random.h"
#include "spikes/encode.h"

#define MLG_PUBLIC __attribute__((visibility("default"), cold))
extern "C" {
// Runs when the library is loaded.
__attribute__((constructor, cold)) static void register_fork_handler() {
  pthread_atfork(nullptr, nullptr, mlg::count_fork);
}
// Returns an engine, or null. block_size: floats of a state block; learned_sizes: padded size of
// each learned array.
MLG_PUBLIC void *mlg_create(int threads, int64_t block_size, const int64_t *learned_sizes) {
  Engine *e = new (static_cast<Engine *>(malloc(sizeof(Engine)))) Engine();
  if (!e->create(threads, block_size, learned_sizes)) {
    e->~Engine();
    free(e);
    return nullptr;
  }
  return e;
}
// Frees an engine, unless a thread runs a call of it: its memory is then left as it is.
MLG_PUBLIC void mlg_destroy(void *engine) {
  if (__atomic_load_n(&static_cast<Engine *>(engine)->is_running, __ATOMIC_ACQUIRE)) return;
  static_cast<Engine *>(engine)->~Engine();
  free(engine);
}
MLG_PUBLIC int mlg_threads(const void *engine) {
  return static_cast<const Engine *>(engine)->pool.size;
}
// Runs a call; returns a Status.
MLG_PUBLIC int mlg_run(void *engine, const Call *call) {
  Engine &e = *static_cast<Engine *>(engine);
  if (__atomic_exchange_n(&e.is_running, true, __ATOMIC_ACQUIRE)) return mlg::BUSY;
  const bool has_threads = !e.pool.is_forked() || e.pool.start_after_fork();
  const int status = has_threads ? run(e, *call) : int(mlg::OUT_OF_MEMORY);
  __atomic_store_n(&e.is_running, false, __ATOMIC_RELEASE);
  return status;
}
// Tells the engine that learned values, or an optimiser's state, were changed by others.
MLG_PUBLIC void mlg_learned_values_changed(void *engine) {
  static_cast<Engine *>(engine)->learned_values_changed();
}
// State block and tapes of an example that ran in a slot of its own.
MLG_PUBLIC float *mlg_block(void *engine, int64_t slot) {
  return static_cast<Engine *>(engine)->slots[slot].block;
}
MLG_PUBLIC const id_type *mlg_spike_ids(void *engine, int64_t slot, int64_t tape) {
  return static_cast<Engine *>(engine)->slots[slot].tapes[tape].id;
}
MLG_PUBLIC const uint32_t *mlg_spike_offsets(void *engine, int64_t slot, int64_t tape) {
  return static_cast<Engine *>(engine)->slots[slot].tapes[tape].offset;
}
// Encodes spike times as events; see encode. Not cold: it runs for every example of a data set.
__attribute__((visibility("default"), hot)) int64_t mlg_encode(const EncodeRequest *request,
                                                               int32_t *steps, id_type *ids) {
  return encode(*request, steps, ids);
}
// Returns one random number, for tests.
MLG_PUBLIC uint32_t mlg_random(uint64_t seed, uint64_t example, uint32_t step, uint32_t neuron,
                               uint32_t draw) {
  return mlg::Random(seed, example, step, neuron, draw).bits();
}
}
