// One EventProp training step, written by hand for one network: inputs, HIDDEN recurrent leaky
// integrate-and-fire neurons, OUTPUTS leaky outputs, exponential synapses, cross-entropy of the
// outputs' mean voltage, Adam. A block runs an example through all its steps and back; a thread
// has one hidden neuron, the first threads an output too. The spikes of a step are a bit for
// each neuron. HIDDEN is a multiple of 32; it, INPUTS and OUTPUTS are defined before this.
constexpr int WARPS = HIDDEN / 32;
constexpr unsigned ALL = 0xffffffffu;

struct Call {
  long long steps, batch, room;        // room: spikes of a neuron that can be kept
  const unsigned *starts;              // of each step's input spikes, (batch, steps + 1)
  const unsigned short *ids;           // their neurons
  const int *labels;                   // (batch)
  float *weights, *gradients, *m, *v;  // of input, recurrent and output synapses, row by row
  unsigned *tape;                      // who spiked: (batch, steps, WARPS)
  float *crossings;  // current and v at the spikes of each neuron: (batch, room, 2, HIDDEN)
  float *losses;     // (batch)
  int *full;         // whether there was not room enough
  float dt, tau_mem, tau_syn;
  float alpha, beta;             // what is left of v and of a current after a step
  float rate, m_scale, v_scale;  // of Adam
};

constexpr int SIZE_IN = INPUTS * HIDDEN, SIZE = HIDDEN * HIDDEN, SIZE_OUT = HIDDEN * OUTPUTS;

// Calls what for each neuron whose bit is set, in order.
template <class What>
inline void each(const unsigned *bits, What what) {
#pragma unroll 1
  for (int w = 0; w < WARPS; ++w)
    for (unsigned left = bits[w]; left; left &= left - 1)
      what(32 * w + __popc((left & (0u - left)) - 1));
}

inline float over_warp(float number) {
  for (int apart = 16; apart; apart /= 2) number += __shfl_xor_sync(ALL, number, apart);
  return number;
}

// The adjoint of a leaky voltage and its current.
struct Adjoint {
  float v = 0, i = 0;

  // Before a step, from after it.
  void step(const Call &c, float mean) {
    i = c.beta * i + (1 - c.alpha) * mean * v;
    v *= c.alpha;
  }
  // What the time of a spike that arrives here does to the loss, for each unit of weight;
  // push is what the loss does to v a step sooner.
  float by_time(const Call &c, float push) const {
    return (1 - c.beta) / c.dt * (i - (1 - c.alpha) * c.tau_syn / c.dt * (v + push));
  }
  // Before a spike, from after it. current, reached: at the end of the spike's step; moved:
  // what its time does to the loss. The threshold is 1, the reset goes to 0.
  void jump(const Call &c, float mean, float current, float reached, float moved) {
    const float slope = (current - reached) / c.tau_mem;
    const float since = slope > 0 ? fminf(c.dt, fmaxf(0, (reached - 1) / slope)) : 0;
    const float rise = current - reached + since * slope;  // at the crossing, times tau_mem
    const bool crossed = slope > 0 && rise > 0;
    const float part = since / c.tau_mem, feed = mean / c.tau_mem;
    const float at_i = i + since * (feed * v - i / c.tau_syn);
    const float at_v = crossed ? (current * (1 - part) * v - c.tau_mem * moved) / rise : 0;
    v = at_v * (1 + part);
    i = at_i - since * (feed * at_v - at_i / c.tau_syn);
  }
};

extern "C" __global__ void __launch_bounds__(HIDDEN) by_hand_learn(const Call *call) {
  __shared__ unsigned fired[2][WARPS];  // in this step and the last one
  __shared__ float back[HIDDEN], back_out[OUTPUTS], moved[HIDDEN], mean_v[OUTPUTS];
  const Call c = *call;
  const int j = threadIdx.x, lane = j % 32, warp = j / 32;
  const bool out = j < OUTPUTS;
  const long long b = blockIdx.x;
  const unsigned *starts = c.starts + b * (c.steps + 1);
  const float *w_in = c.weights, *w = w_in + SIZE_IN, *w_out = w + SIZE;
  float *g_in = c.gradients, *g = g_in + SIZE_IN, *g_out = g + SIZE;
  unsigned *tape = c.tape + b * c.steps * WARPS;
  float *crossings = c.crossings + b * c.room * 2 * HIDDEN + j;
  const float mean = c.tau_syn * (1 - c.beta) / c.dt;  // of a current over a step

  float v = 0, i = 0, v_out = 0, i_out = 0, sum_out = 0;
  long long n = 0;  // spikes of the neuron
  for (long long t = 0; t < c.steps; ++t) {
    if (t) {
      for (unsigned k = starts[t - 1]; k < starts[t]; ++k) i += w_in[c.ids[k] * HIDDEN + j];
      each(fired[(t - 1) % 2], [&](int id) {
        i += w[id * HIDDEN + j];
        if (out) i_out += w_out[id * OUTPUTS + j];
      });
    }
    const float current = mean * i;
    i *= c.beta;
    v = c.alpha * v + (1 - c.alpha) * current;
    if (out) {
      v_out = c.alpha * v_out + (1 - c.alpha) * mean * i_out;
      i_out *= c.beta;
      sum_out += v_out;
    }
    const bool spikes = v >= 1;
    const unsigned bits = __ballot_sync(ALL, spikes);
    if (lane == 0) fired[t % 2][warp] = tape[t * WARPS + warp] = bits;
    if (spikes) {
      if (n < c.room) {
        crossings[2 * n * HIDDEN] = current;
        crossings[(2 * n + 1) * HIDDEN] = v;
      } else {
        *c.full = 1;
      }
      ++n;
      v = 0;
    }
    __syncthreads();
  }

  float push = 0;  // of the loss on the voltage of an output, in each step
  if (out) mean_v[j] = sum_out / c.steps;
  back[j] = 0;
  if (out) back_out[j] = 0;
  __syncthreads();
  if (out) {
    float largest = mean_v[0], all = 0;
    for (int o = 1; o < OUTPUTS; ++o) largest = fmaxf(largest, mean_v[o]);
    for (int o = 0; o < OUTPUTS; ++o) all += expf(mean_v[o] - largest);
    const bool right = j == c.labels[b];
    const float chance = expf(mean_v[j] - largest) / all;
    push = (chance - right) / (c.batch * c.steps);
    if (right) c.losses[b] = largest + logf(all) - mean_v[j];
  }
  if (n > c.room) n = c.room;

  Adjoint here, there;  // of the neuron, and of the output
  for (long long t = c.steps - 1; t >= 0; --t) {
    const unsigned *now = tape + t * WARPS;
    for (unsigned k = starts[t]; k < starts[t + 1]; ++k)
      atomicAdd(&g_in[c.ids[k] * HIDDEN + j], here.i);
    int taken = 0;
    each(now, [&](int id) {
      atomicAdd(&g[id * HIDDEN + j], here.i);
      if (out) atomicAdd(&g_out[id * OUTPUTS + j], there.i);
      if (taken++ % WARPS != warp) return;
      float sum = lane < OUTPUTS ? w_out[id * OUTPUTS + lane] * back_out[lane] : 0;
      for (int k = lane; k < HIDDEN; k += 32) sum += w[id * HIDDEN + k] * back[k];
      sum = over_warp(sum);
      if (lane == 0) moved[id] = sum;
    });
    if (taken) __syncthreads();
    if (now[warp] >> lane & 1 && n) {
      const float *at = crossings + 2 * --n * HIDDEN;
      here.jump(c, mean, at[0], at[HIDDEN], moved[j]);
    }
    here.step(c, mean);
    back[j] = here.by_time(c, 0);
    if (out) {
      there.v += push;
      there.step(c, mean);
      back_out[j] = there.by_time(c, push);
    }
    __syncthreads();
  }
}

// Adam's step; gradients are left at zero.
extern "C" __global__ void __launch_bounds__(256) by_hand_update(const Call *call) {
  const Call c = *call;
  for (int k = blockIdx.x * blockDim.x + threadIdx.x; k < SIZE_IN + SIZE + SIZE_OUT;
       k += gridDim.x * blockDim.x) {
    const float slope = c.gradients[k];
    c.gradients[k] = 0;
    const float m = c.m[k] = 0.9f * c.m[k] + 0.1f * slope;
    const float v = c.v[k] = 0.999f * c.v[k] + 0.001f * slope * slope;
    c.weights[k] -= c.rate * m * c.m_scale / (sqrtf(v * c.v_scale) + 1e-8f);
  }
}
