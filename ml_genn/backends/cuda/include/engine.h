// What generated CUDA kernels need: spike tapes, rows of weights, sums over a warp. A thread
// block, or several if the network is large, runs an example through all its steps: their
// threads are the members, their warps the teams. Block (b, part) is one of example b. The
// generated file names the integer that holds a neuron's index (id_type.h) and includes this.
#pragma once
#include "c_headers.h"
#include "call.h"
#include "id_type.h"
#include "lazy_propagator.h"
#include "random.h"
#include "synapse_targets.h"

#define MLG_COLD
#define MLG_LOOP
#define MLG_MEMBER mlg::member()
#define MLG_MEMBERS mlg::members()
#define MLG_TEAM mlg::team()
#define MLG_TEAMS mlg::teams()
#define MLG_LANE mlg::lane()
#define MLG_LANES 32
#define MLG_LEADER if (mlg::lane() == 0)
#define MLG_SYNC (gridDim.y == 1 ? __syncthreads() : mlg::sync_blocks())
#define MLG_ADD(to, number) atomicAdd(&(to), number)
#define MLG_SUM(number) mlg::warp_sum(number)

namespace mlg {
constexpr int ROW = 16;  // floats that rows are padded to
constexpr unsigned WHOLE_WARP = 0xffffffffu;

static inline int lane() { return int(threadIdx.x) % 32; }
static inline int member() { return int(blockIdx.y * blockDim.x + threadIdx.x); }
static inline int members() { return int(gridDim.y * blockDim.x); }
static inline int team() { return member() / 32; }
static inline int teams() { return members() / 32; }

// What blocks that share an example tell each other. There are at most as many as the GPU
// runs at once, so those that wait do not keep others from starting.
constexpr int MOST_SHARED = 512, MOST_TEAMS = 128;  // examples; teams of each
__device__ unsigned arrived[MOST_SHARED], rounds[MOST_SHARED];
__device__ uint32_t votes[MOST_SHARED][MOST_TEAMS];

// Waits for all blocks of the example, and sees what they wrote.
static inline void sync_blocks() {
  __syncthreads();
  if (threadIdx.x == 0) {
    volatile unsigned *round = rounds + blockIdx.x;
    const unsigned now = *round;
    __threadfence();
    if (atomicAdd(&arrived[blockIdx.x], 1u) + 1 == gridDim.y) {
      arrived[blockIdx.x] = 0;
      __threadfence();
      *round = now + 1;
    } else {
      while (*round == now) __nanosleep(50);
    }
    __threadfence();
  }
  __syncthreads();
}

static inline int smaller(int a, int b) { return a < b ? a : b; }

// The sum over the lanes of a warp, the same for all of them.
static inline float warp_sum(float number) {
  for (int apart = 16; apart; apart /= 2) number += __shfl_xor_sync(WHOLE_WARP, number, apart);
  return number;
}

static inline void clear(float *row, int64_t n) {
  for (int64_t j = member(); j < n; j += members()) row[j] = 0;
}

// ---------------------------------------------------------------- spike tapes
// row[j] = row[by + j] - less for j < n, by all members.
template <class T>
static inline void move_down(T *row, int64_t by, int64_t n, T less = 0) {
  for (int64_t first = 0; first < n; first += members()) {
    const int64_t j = first + member();
    const T moved = j < n ? row[by + j] - less : 0;
    MLG_SYNC;
    if (j < n) row[j] = moved;
  }
}

// The spikes of one group in one example, as lists of neurons, one list a step.
struct Tape {
  const id_type *id;    // neurons, step after step
  uint32_t *offset;     // list of step t: id[offset[t]] .. id[offset[t + 1] - 1]
  float *record;        // numbers kept with each spike
  id_type *own;         // where id points, unless the spikes came with the data
  int64_t capacity;     // entries
  const id_type *tail;  // the last lists of the batch before, where a batch goes on from it
  const uint32_t *tail_offset;
  int64_t tail_steps;
  int64_t numbers;  // of an entry, in record
  int64_t base;     // the first step that is kept

  bool reserve(int64_t used, int64_t n, int64_t) const { return used + n <= capacity; }

  // Before step t: drops the steps before `first`.
  void forget(int64_t first, int64_t t) {
    if (first <= base) return;
    const int64_t cut = offset[first - base], left = offset[t - base] - cut;
    MLG_SYNC;
    move_down(own, cut, left);
    move_down(record, cut * numbers, left * numbers);
    move_down(offset, first - base, t + 1 - first, uint32_t(cut));
    base = first;
    MLG_SYNC;
  }
};

struct Spikes {
  const id_type *id;
  uint32_t n;
};
static inline Spikes spikes_at(const Tape &tape, int64_t t) {
  if (t < 0) {
    if (-t > tape.tail_steps) return {nullptr, 0};
    const uint32_t *at = tape.tail_offset + tape.tail_steps + t;
    return {tape.tail + at[0], at[1] - at[0]};
  }
  const uint32_t *at = tape.offset + (t - tape.base);
  return {tape.id + at[0], at[1] - at[0]};
}

// Neurons whose flag is set, in order. Each thread set the flags that it reads here.
static inline uint32_t collect(const uint8_t *flag, int n, id_type *out) {
  __shared__ uint32_t own[32];
  volatile uint32_t *counts = gridDim.y == 1 ? own : votes[blockIdx.x];  // of each warp
  uint32_t found = 0;
  for (int first = 0; first < n; first += members()) {
    const int j = first + member();
    const bool set = j < n && flag[j];
    const uint32_t voted = __ballot_sync(WHOLE_WARP, set);
    if (lane() == 0) counts[team()] = __popc(voted);
    MLG_SYNC;
    uint32_t before = found;
    for (int w = 0; w < teams(); ++w) {
      const uint32_t count = counts[w];
      if (w < team()) before += count;
      found += count;
    }
    if (set) out[before + __popc(voted & ((1u << lane()) - 1))] = id_type(j);
    MLG_SYNC;
  }
  return found;
}

// As collect; where half of them or more are set, n.
static inline uint32_t collect_if_sparse(const uint8_t *flag, int n, id_type *out) {
  const uint32_t found = collect(flag, n, out);
  return 2 * int(found) >= n ? n : found;
}

// ---------------------------------------------------------------- data
// The numbers of N neurons in a frame; the last frame stays.
template <int N>
static inline void copy_frame(float *to, const float *values, int64_t frame, int64_t count) {
  const int64_t shown = frame < count ? frame : count - 1;
  for (int j = member(); j < N; j += members()) to[j] = values[shown * N + j];
}

// ---------------------------------------------------------------- rows of weights
// Indices first, first + step, ... < last of a loop that several warps split.
template <class Index>
struct Range {
  Index first, last, step = 1;
};
// All P neurons: loops over neurons are split by their heads.
template <int P>
static inline Range<int> member_range(int, int) {
  return {0, P};
}
void clip_row(Range<int>, const id_type *, int64_t &, int64_t &);

// to[j] += sum over spikes of weight[spike][j]; a thread adds to the neurons it advances.
template <int P>
static inline void add_rows(float *to, const float *__restrict weight, Spikes s, Range<int>) {
  for (int j = member(); j < P; j += members()) {
    float sum = to[j];
    for (uint32_t k = 0; k < s.n; ++k) sum += weight[int64_t(s.id[k]) * P + j];
    to[j] = sum;
  }
}

template <int P>
static inline void add_row(float *to, const float *row) {
  for (int j = member(); j < P; j += members()) to[j] += row[j];
}

// Dot product of two rows, by a warp.
template <int P>
static inline float dot(const float *__restrict a, const float *b) {
  float sum = 0;
  for (int j = lane(); j < P; j += 32) sum += a[j] * b[j];
  return warp_sum(sum);
}

// One warp's part of n list entries: every so many.
static inline Range<uint32_t> list_range(uint32_t n, int team, int teams) {
  return {uint32_t(team), n, uint32_t(teams)};
}

// All n neurons: loops over neurons are split by their heads.
static inline Range<int> tile_range(int n, int, int) { return {0, n}; }

// to[k] (+)= the row of listed neuron k times b.
template <int P, bool ADD, class Index>
static inline void dots(float *to, const float *__restrict rows, const Index *list,
                        Range<uint32_t> of, const float *b) {
  for (uint32_t k = of.first; k < of.last; k += of.step) {
    const float found = dot<P>(rows + int64_t(list[k]) * P, b);
    if (lane() == 0) to[k] = (ADD ? to[k] : 0.0f) + found;
  }
}

// Rows of listed synapses, by a warp: to[target] += SIGN * weight
template <int SIGN>
static inline void add_csr_row(float *to, const float *weight, const id_type *target, int64_t first,
                               int64_t last) {
  for (int64_t e = first + lane(); e < last; e += 32) atomicAdd(&to[target[e]], SIGN * weight[e]);
}
// Backward pass of one row. LEARN: gradient += SIGN * dL/dw of the target. BACKPROP: returns the
// sum over synapses of weight * the gradient that the target passes back.
template <int SIGN, bool LEARN, bool BACKPROP, class Grads>
static inline float csr_backward(float *gradient, const float *weight, const id_type *target,
                                 int64_t first, int64_t last, const Grads &grads) {
  float backprop = 0;
  for (int64_t e = first + lane(); e < last; e += 32) {
    const auto grad = grads(OneTarget(target + e, 1));
    if (BACKPROP) backprop += weight[e] * grad.backprop;
    if (LEARN) atomicAdd(&gradient[e], SIGN * grad.weight_grad);
  }
  return BACKPROP ? warp_sum(backprop) : 0.0f;
}

template <int P>
static inline void prefetch_write(float *) {}

template <class T>
static inline void prefetch_row(const T *, const int64_t *, size_t) {}

// gradient[j] += dL/dw of the steps in which the spikes of neuron j arrive, for spikes
// emitted in first <= t < last; a warp adds the row of a spike.
struct SpikesByNeuron {};
template <int P>
static inline bool add_weight_gradients(float *gradient, int, const float *weight_grads,
                                        int64_t length, const Tape &tape, int64_t first,
                                        int64_t last, int64_t arrival_delay, SpikesByNeuron &,
                                        int team, int teams) {
  for (int64_t t = first; t < last; ++t) {
    const Spikes spikes = spikes_at(tape, t);
    const float *row = weight_grads + (t + arrival_delay) % length * P;
    for (uint32_t k = team; k < spikes.n; k += teams)
      for (int j = lane(); j < P; j += 32)
        atomicAdd(&gradient[int64_t(spikes.id[k]) * P + j], row[j]);
  }
  return true;
}
}  // namespace mlg
#include "online.h"
