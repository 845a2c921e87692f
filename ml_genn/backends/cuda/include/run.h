// The kernels: examples, each to a thread block or several, through all steps; then the weights.
#pragma once
#define MLG_BOUNDS __launch_bounds__(512)  // threads of a block, at most
namespace {

void copy(float *to, const float *from, int64_t n) {
  for (int64_t j = MLG_MEMBER; j < n; j += MLG_MEMBERS) to[j] = from[j];
}

void record(const Call &c, const Slot &s, int64_t b, int64_t t, bool backward) {
  for (int64_t k = 0; k < c.num_recordings; ++k) {
    const mlg::Recording &r = c.recordings[k];
    if (bool(r.backward) != backward) continue;
    float *to = r.to + (b * c.num_steps + t) * r.size;
    for (int64_t j = MLG_MEMBER; j < r.size; j += MLG_MEMBERS)
      to[j] = s.block[r.offset + j * r.stride];
  }
}

void begin(const Call &c, Slot &s) {
  copy(s.block, c.initial_state, c.floats);
  if (MLG_MEMBER) return;
  for (int64_t k = 0; k < TAPES; ++k)
    if (c.tape_shapes[2 * k]) s.tapes[k].offset[0] = 0;
  for (int64_t k = 0; k < OUTPUTS; ++k) s.loss[k] = 0;
}

bool forward(const Call &c, Slot &s, int64_t b, bool online) {
  for (int64_t t = c.first_step; t < c.end_step; ++t) {
    const int64_t first = t - t % c.block;
    if (t == first) s.begin_block(c, t);
    if (!forward_step(c, s, b, t)) return false;
    MLG_SYNC;
    record(c, s, b, t, false);
    const bool through = t + 1 == first + c.block || t + 1 == c.num_steps;
    if (!online || !through) continue;
    if (!learn_block(c, s, b, first, t + 1, c.gradients)) return false;
    MLG_SYNC;
  }
  return true;
}

void count_spikes(const Call &c, const Slot &s) {
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const mlg::Tape &tape = s.tapes[REGULARISED_TAPE[g]];
    for (uint32_t k = MLG_MEMBER; k < tape.offset[c.num_steps]; k += MLG_MEMBERS)
      atomicAdd(&c.rate_regularisation_grads[g][tape.id[k]], 1.0f);
  }
}

void backward(const Call &c, Slot &s, int64_t b) {
  Slot *slots[] = {&s};
  begin_backward(c, s, b);
  for (int64_t t = c.num_steps - 1, last = c.num_steps; t >= 0; --t) {
    MLG_SYNC;
    synapse_backward_tile(c, slots, 1, t, nullptr, MLG_TEAM, MLG_TEAMS);
    MLG_SYNC;
    backward_step(c, s, b, t, c.gradients);
    record(c, s, b, t, true);
    if (last - t < c.gradient_window && t) continue;
    MLG_SYNC;
    weight_gradients(c, s, t, last, c.gradients, ALL_LEARNED, s.scratch->spikes_by_neuron, MLG_TEAM,
                     MLG_TEAMS);
    last = t;
  }
  end_backward(s, c.gradients);
}

// Results and losses; notes a loss that is not finite.
void end(const Call &c, Slot &s, int64_t b) {
  finish(c, s, b);
  for (int64_t k = 0; k < OUTPUTS; ++k)
    if (!(fabsf(c.losses[b * OUTPUTS + k]) <= 3.4e38f)) atomicOr(c.status, mlg::NOT_FINITE);
}

int64_t first_number() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
int64_t all_threads() { return int64_t(gridDim.x) * blockDim.x; }
}  // namespace

extern "C" {
// Before a batch: nothing is summed yet.
__global__ void MLG_BOUNDS mlg_clear(const Call *call) {
  const Call c = *call;
  const int64_t first = first_number(), stride = all_threads();
  for (int64_t k = 0; k < LEARNED; ++k)
    for (int64_t j = first; j < c.learned_sizes[k]; j += stride) c.gradients[k][j] = 0;
  for (int64_t g = 0; g < REGULARISED; ++g)
    for (int64_t j = first; j < REGULARISED_SIZE[g]; j += stride)
      c.rate_regularisation_grads[g][j] = 0;
  for (int64_t k = first; k < LEARNED; k += stride) c.squares[k] = 0;
  if (first == 0) *c.status = mlg::OK;
}

// The phases of a batch's examples; block (b, part) is one of those that run example b.
__global__ void MLG_BOUNDS mlg_run(const Call *call, int64_t phases) {
  extern __shared__ float mlg_state[];
  const Call c = *call;
  const int64_t b = blockIdx.x;
  if (*c.status & mlg::TAPE_FULL && !(phases & mlg::FORWARD)) return;  // the batch will run again
  Slot s(c, b, mlg_state);
  float *kept = c.blocks + b * c.floats;
  if (phases & mlg::BEGIN) begin(c, s);
  else if (c.shared) copy(s.block, kept, c.floats);
  MLG_SYNC;
  if (phases & mlg::FORWARD && !forward(c, s, b, phases & mlg::ONLINE)) {
    if (MLG_MEMBER == 0) atomicOr(c.status, mlg::TAPE_FULL);
    return;
  }
  if (phases & mlg::END) {
    if (MLG_MEMBER == 0) end(c, s, b);
    if (c.counted) count_spikes(c, s);
    MLG_SYNC;
  }
  if (phases & mlg::BACKWARD) backward(c, s, b);
  MLG_SYNC;
  if (c.shared) copy(kept, s.block, c.floats);
}

// How strongly each neuron's firing rate, over the batch, is pushed towards its target.
__global__ void MLG_BOUNDS mlg_regularise(const Call *call) {
  const Call c = *call;
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const float *strength = c.loss_scalars + 2 * OUTPUTS + 3 * g;  // lower, upper, target
    for (int64_t j = first_number(); j < REGULARISED_SIZE[g]; j += all_threads()) {
      const float excess = c.rate_regularisation_grads[g][j] * c.scale - strength[2];
      c.rate_regularisation_grads[g][j] =
          (excess > 0 ? strength[1] : strength[0]) * excess * c.scale;
    }
  }
}

// Sums of squares of gradients.
__global__ void MLG_BOUNDS mlg_squares(const Call *call) {
  const Call c = *call;
  for (int64_t k = 0; k < LEARNED; ++k) {
    double sum = 0;
    for (int64_t j = first_number(); j < c.learned_sizes[k]; j += all_threads())
      sum += double(c.gradients[k][j]) * c.gradients[k][j];
    atomicAdd(&c.squares[k], sum);
  }
}

// The optimisers' step, unless a loss is not finite or the batch will run again.
__global__ void MLG_BOUNDS mlg_update(const Call *call) {
  const Call c = *call;
  if (*c.status) return;
  float norms[LEARNED + 1];  // of each gradient, then of all
  double all = 0;
  for (int64_t k = 0; k < LEARNED; ++k) {
    norms[k] = float(sqrt(c.squares[k]));
    all += c.squares[k];
  }
  norms[LEARNED] = float(sqrt(all));
  for (int64_t k = 0; k < LEARNED; ++k)
    for (int64_t j = first_number(); j < c.learned_sizes[k]; j += all_threads())
      update(c, k, j, j + 1, c.gradients[k], norms);
}
}
