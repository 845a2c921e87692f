// Gradients summed over processes.
#pragma once
#include "batch/backward_api.h"
#include "batch/engine_state.h"
#include "batch/optimise.h"

namespace {
constexpr int64_t PIECE = 1 << 17;  // of all gradients, at least, that processes sum at a time

// Gradients of all threads, left with the first one, which sends them to the other processes
// piece by piece: while one is under way, the threads complete the next.
void run_pieces(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  float *piece = e.flat[0], *end = piece;
  for (int64_t k = 0; k < LEARNED; ++k) {
    if (!mlg_take_left(&e, c, k, thread)) e.failed(mlg::OUT_OF_MEMORY);
    if (thread == 0) c.advance_allreduces();
    e.barrier.wait(e.pool.size);
    const Part share(e, k, thread);
    sum_threads(e, k, share.first, share.last);
    e.barrier.wait(e.pool.size);
    end += e.learned_size[k];
    if (thread || k + 1 == LEARNED || end - piece < PIECE) continue;
    c.begin_allreduce(piece, end - piece);
    piece = end;
  }
  if (thread) return;
  if (e.has_failed()) *end = 1;
  c.begin_allreduce(piece, end + 1 - piece);
}

// Gradients of all processes, left with the first thread; whether all of them are good: the
// number behind them says how many are not.
MLG_COLD bool sum_over_processes(Engine &e, const Call &c, bool good) {
  float &wrong = e.flat[0][e.flat_size];
  wrong = !good;
  e.pool.run(run_pieces, &e);
  if (!c.end_allreduces()) e.failed(mlg::ALLREDUCE_FAILED);
  return wrong == 0;
}
}  // namespace
