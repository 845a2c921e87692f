// The kernels: examples, one to a thread block, each through all its steps; then the weights.
#pragma once
#define MLG_BOUNDS __launch_bounds__(512)  // threads of a block, at most
namespace {

void copy(float *to, const float *from, int64_t n) {
  for (int64_t j = threadIdx.x; j < n; j += blockDim.x) to[j] = from[j];
}

void record(const Call &c, const Slot &s, int64_t b, int64_t t, bool backward) {
  for (int64_t k = 0; k < c.num_recordings; ++k) {
    const mlg::Recording &r = c.recordings[k];
    if (bool(r.backward) == backward)
      copy(r.to + (b * c.num_steps + t) * r.size, s.block + r.offset, r.size);
  }
}

void begin(const Call &c, Slot &s) {
  copy(s.block, c.initial, c.floats);
  if (threadIdx.x) return;
  for (int64_t k = 0; k < TAPES; ++k)
    if (c.tape_shapes[2 * k]) s.tapes[k].offset[0] = 0;
  for (int64_t k = 0; k < OUTPUTS; ++k) s.loss[k] = 0;
}

bool forward(const Call &c, Slot &s, int64_t b) {
  for (int64_t t = c.first; t < c.last; ++t) {
    if (!forward_step(c, s, b, t)) return false;
    __syncthreads();
    record(c, s, b, t, false);
  }
  return true;
}

void count_spikes(const Call &c, const Slot &s) {
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const mlg::Tape &tape = s.tapes[REGULARISED_TAPE[g]];
    for (uint32_t k = threadIdx.x; k < tape.offset[c.num_steps]; k += blockDim.x)
      atomicAdd(&c.push[g][tape.id[k]], 1.0f);
  }
}

void backward(const Call &c, Slot &s, int64_t b) {
  Slot *slots[] = {&s};
  begin_backward(c, s, b);
  for (int64_t t = c.num_steps - 1, last = c.num_steps; t >= 0; --t) {
    __syncthreads();
    send_back_together(c, slots, 1, t, nullptr);
    __syncthreads();
    backward_step(c, s, b, t, c.gradients);
    record(c, s, b, t, true);
    if (last - t < c.gather && t) continue;
    __syncthreads();
    gather(c, s, t, last, c.gradients);
    last = t;
  }
  end_backward(s, c.gradients);
}

int64_t first_number() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
int64_t all_threads() { return int64_t(gridDim.x) * blockDim.x; }
}  // namespace

extern "C" {
// The phases of a batch's examples; a block for each.
__global__ void MLG_BOUNDS mlg_run(const Call *call) {
  extern __shared__ float mlg_state[];
  const Call c = *call;
  const int64_t b = blockIdx.x;
  Slot s(c, b, mlg_state);
  float *kept = c.blocks + b * c.floats;
  if (c.phases & mlg::BEGIN) begin(c, s);
  else if (c.shared) copy(s.block, kept, c.floats);
  __syncthreads();
  if (c.phases & mlg::FORWARD && !forward(c, s, b)) {
    if (threadIdx.x == 0) *c.status = 1;
    return;
  }
  if (c.phases & mlg::END) {
    if (threadIdx.x == 0) finish(c, s, b);
    if (!(c.phases & mlg::BACKWARD)) count_spikes(c, s);
    __syncthreads();
  }
  if (c.phases & mlg::BACKWARD) backward(c, s, b);
  __syncthreads();
  if (c.shared) copy(kept, s.block, c.floats);
}

// How strongly each neuron's firing rate, over the batch, is pushed towards its target.
__global__ void MLG_BOUNDS mlg_regularise(const Call *call) {
  const Call c = *call;
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const float *strength = c.loss_scalars + 2 * OUTPUTS + 3 * g;  // lower, upper, target
    for (int64_t j = first_number(); j < REGULARISED_SIZE[g]; j += all_threads()) {
      const float excess = c.push[g][j] * c.scale - strength[2];
      c.push[g][j] = (excess > 0 ? strength[1] : strength[0]) * excess * c.scale;
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

// The optimisers' step.
__global__ void MLG_BOUNDS mlg_update(const Call *call) {
  const Call c = *call;
  for (int64_t k = 0; k < LEARNED; ++k)
    for (int64_t j = first_number(); j < c.learned_sizes[k]; j += all_threads())
      update(c, k, j, j + 1, c.gradients[k], c.norms);
}
}
