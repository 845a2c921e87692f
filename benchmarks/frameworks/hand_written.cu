// One EventProp training step, written by hand for one network: INPUTS inputs, HIDDEN recurrent
// leaky integrate-and-fire neurons, OUTPUTS leaky outputs, exponential synapses, cross-entropy of
// the outputs' mean voltages, Adam. A block runs an example through all its time steps and back; a
// thread has one hidden neuron, the first threads an output too. The spikes of a step are a bit for
// each neuron. HIDDEN is a multiple of 32; it, INPUTS and OUTPUTS are defined before this text.
constexpr int WARPS = HIDDEN / 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

struct Arguments {
  long long steps, batch, max_spikes;  // max_spikes: recorded spikes of a neuron, at most
  const unsigned *starts;              // start of each step's input spikes, (batch, steps + 1)
  const unsigned short *ids;           // neurons of the input spikes
  const int *labels;                   // (batch)
  float *weights, *gradients, *m, *v;  // input, recurrent and output synapses, row by row
  unsigned *tape;                      // spikes as bits: (batch, steps, WARPS)
  float *crossings;  // current and v at each spike: (batch, max_spikes, 2, HIDDEN)
  float *losses;     // (batch)
  int *overflow;     // 1 if a neuron spiked more often than max_spikes
  float dt, tau_mem, tau_syn;
  float alpha, beta;             // decay of v and of a current in a time step
  float rate, m_scale, v_scale;  // Adam: learning rate and bias corrections
};

constexpr int SIZE_IN = INPUTS * HIDDEN, SIZE = HIDDEN * HIDDEN, SIZE_OUT = HIDDEN * OUTPUTS;

// Calls visit(neuron) for each bit that is set, in order.
template <class Visit>
inline void for_each_spike(const unsigned *bits, Visit visit) {
#pragma unroll 1
  for (int w = 0; w < WARPS; ++w)
    for (unsigned left = bits[w]; left; left &= left - 1)
      visit(32 * w + __popc((left & (0u - left)) - 1));
}

inline float warp_sum(float value) {
  for (int distance = 16; distance; distance /= 2)
    value += __shfl_xor_sync(ALL_LANES, value, distance);
  return value;
}

// Adjoints of a leaky voltage and its synaptic current.
struct Adjoint {
  float v = 0, i = 0;

  // Backward time step: transposed Jacobian of (v, i) -> (alpha v + (1 - alpha) mean i, beta i).
  void step(const Arguments &a, float mean) {
    i = a.beta * i + (1 - a.alpha) * mean * v;
    v *= a.alpha;
  }
  // dL/dt of a spike that arrives here, for a weight of 1: the difference of the adjoint of the
  // current between two steps. loss_grad is the derivative of the loss with respect to v, one step
  // earlier.
  float time_grad(const Arguments &a, float loss_grad) const {
    return (1 - a.beta) / a.dt * (i - (1 - a.alpha) * a.tau_syn / a.dt * (v + loss_grad));
  }
  // Adjoint before a spike, from that after it; threshold 1, reset to 0. current and v_end are the
  // state at the end of the spike's step, dloss_dt is the derivative of the loss with respect to
  // its time. The threshold was crossed `since` before the end: the adjoint is moved there, jumps,
  // and is moved back.
  void jump(const Arguments &a, float mean, float current, float v_end, float dloss_dt) {
    const float v_dot = (current - v_end) / a.tau_mem;
    const float since = v_dot > 0 ? fminf(a.dt, fmaxf(0, (v_end - 1) / v_dot)) : 0;
    const float rise = current - v_end + since * v_dot;  // tau_mem dv/dt at the crossing
    const bool crossed = v_dot > 0 && rise > 0;
    const float fraction = since / a.tau_mem, coupling = mean / a.tau_mem;
    const float i_cross = i + since * (coupling * v - i / a.tau_syn);
    const float v_cross =
        crossed ? (current * (1 - fraction) * v - a.tau_mem * dloss_dt) / rise : 0;
    v = v_cross * (1 + fraction);
    i = i_cross - since * (coupling * v_cross - i_cross / a.tau_syn);
  }
};

extern "C" __global__ void __launch_bounds__(HIDDEN) hand_written_gradients(const Arguments *args) {
  __shared__ unsigned spike_bits[2][WARPS];  // of this step and the one before
  __shared__ float time_grads[HIDDEN], time_grads_out[OUTPUTS], dloss_dt[HIDDEN], mean_v[OUTPUTS];
  const Arguments a = *args;
  const int j = threadIdx.x, lane = j % 32, warp = j / 32;
  const bool has_output = j < OUTPUTS;
  const long long b = blockIdx.x;
  const unsigned *starts = a.starts + b * (a.steps + 1);
  const float *w_in = a.weights, *w = w_in + SIZE_IN, *w_out = w + SIZE;
  float *g_in = a.gradients, *g = g_in + SIZE_IN, *g_out = g + SIZE;
  unsigned *tape = a.tape + b * a.steps * WARPS;
  float *crossings = a.crossings + b * a.max_spikes * 2 * HIDDEN + j;
  const float mean = a.tau_syn * (1 - a.beta) / a.dt;  // mean of a current over a step

  // Forward pass.
  float v = 0, i = 0, v_out = 0, i_out = 0, sum_out = 0;
  long long num_spikes = 0;  // of this neuron
  for (long long t = 0; t < a.steps; ++t) {
    if (t) {
      for (unsigned k = starts[t - 1]; k < starts[t]; ++k) i += w_in[a.ids[k] * HIDDEN + j];
      for_each_spike(spike_bits[(t - 1) % 2], [&](int id) {
        i += w[id * HIDDEN + j];
        if (has_output) i_out += w_out[id * OUTPUTS + j];
      });
    }
    const float current = mean * i;
    i *= a.beta;
    v = a.alpha * v + (1 - a.alpha) * current;
    if (has_output) {
      v_out = a.alpha * v_out + (1 - a.alpha) * mean * i_out;
      i_out *= a.beta;
      sum_out += v_out;
    }
    const bool spikes = v >= 1;
    const unsigned bits = __ballot_sync(ALL_LANES, spikes);
    if (lane == 0) spike_bits[t % 2][warp] = tape[t * WARPS + warp] = bits;
    if (spikes) {
      if (num_spikes < a.max_spikes) {
        crossings[2 * num_spikes * HIDDEN] = current;
        crossings[(2 * num_spikes + 1) * HIDDEN] = v;
      } else {
        *a.overflow = 1;
      }
      ++num_spikes;
      v = 0;
    }
    __syncthreads();
  }

  // Cross-entropy of the mean voltages; loss_grad is dL/dv of an output, the same in each step.
  float loss_grad = 0;
  if (has_output) mean_v[j] = sum_out / a.steps;
  time_grads[j] = 0;
  if (has_output) time_grads_out[j] = 0;
  __syncthreads();
  if (has_output) {
    float largest = mean_v[0], sum = 0;
    for (int o = 1; o < OUTPUTS; ++o) largest = fmaxf(largest, mean_v[o]);
    for (int o = 0; o < OUTPUTS; ++o) sum += expf(mean_v[o] - largest);
    const bool is_label = j == a.labels[b];
    const float probability = expf(mean_v[j] - largest) / sum;
    loss_grad = (probability - is_label) / (a.batch * a.steps);
    if (is_label) a.losses[b] = largest + logf(sum) - mean_v[j];
  }
  if (num_spikes > a.max_spikes) num_spikes = a.max_spikes;

  // Backward pass: a spike adds the targets' adjoints to the gradient of its weights.
  Adjoint hidden, output;
  for (long long t = a.steps - 1; t >= 0; --t) {
    const unsigned *bits = tape + t * WARPS;
    for (unsigned k = starts[t]; k < starts[t + 1]; ++k)
      atomicAdd(&g_in[a.ids[k] * HIDDEN + j], hidden.i);
    int spike = 0;
    for_each_spike(bits, [&](int id) {
      atomicAdd(&g[id * HIDDEN + j], hidden.i);
      if (has_output) atomicAdd(&g_out[id * OUTPUTS + j], output.i);
      if (spike++ % WARPS != warp) return;  // warps take the spikes in turn
      float sum = lane < OUTPUTS ? w_out[id * OUTPUTS + lane] * time_grads_out[lane] : 0;
      for (int k = lane; k < HIDDEN; k += 32) sum += w[id * HIDDEN + k] * time_grads[k];
      sum = warp_sum(sum);
      if (lane == 0) dloss_dt[id] = sum;
    });
    if (spike) __syncthreads();
    if (bits[warp] >> lane & 1 && num_spikes) {
      const float *crossing = crossings + 2 * --num_spikes * HIDDEN;
      hidden.jump(a, mean, crossing[0], crossing[HIDDEN], dloss_dt[j]);
    }
    hidden.step(a, mean);
    time_grads[j] = hidden.time_grad(a, 0);
    if (has_output) {
      output.v += loss_grad;
      output.step(a, mean);
      time_grads_out[j] = output.time_grad(a, loss_grad);
    }
    __syncthreads();
  }
}

// Adam's step; gradients are left at zero.
extern "C" __global__ void __launch_bounds__(256) hand_written_adam(const Arguments *args) {
  const Arguments a = *args;
  for (int k = blockIdx.x * blockDim.x + threadIdx.x; k < SIZE_IN + SIZE + SIZE_OUT;
       k += gridDim.x * blockDim.x) {
    const float grad = a.gradients[k];
    a.gradients[k] = 0;
    const float m = a.m[k] = 0.9f * a.m[k] + 0.1f * grad;
    const float v = a.v[k] = 0.999f * a.v[k] + 0.001f * grad * grad;
    a.weights[k] -= a.rate * m * a.m_scale / (sqrtf(v * a.v_scale) + 1e-8f);
  }
}
