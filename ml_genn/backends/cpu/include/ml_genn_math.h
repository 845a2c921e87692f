// Random numbers and losses, the same on every engine.
#pragma once

namespace mlg {

// ---------------------------------------------------------------- random numbers
// Philox 4x32-10 (Salmon et al. 2011): the numbers depend on seed, example, step, neuron and
// the index of the draw, never on threads.
struct Random {
  uint32_t key[2], counter[4];
  Random(uint64_t seed, uint64_t example, uint32_t step, uint32_t neuron, uint32_t first)
      : key{uint32_t(seed), uint32_t(seed >> 32) ^ uint32_t(example >> 32)},
        counter{first, uint32_t(example), step, neuron} {}
  static void round(uint32_t *c, const uint32_t *k) {
    uint64_t a = uint64_t(0xD2511F53u) * c[0], b = uint64_t(0xCD9E8D57u) * c[2];
    uint32_t next[4] = {uint32_t(b >> 32) ^ c[1] ^ k[0], uint32_t(b),
                        uint32_t(a >> 32) ^ c[3] ^ k[1], uint32_t(a)};
    memcpy(c, next, sizeof next);
  }
  uint32_t bits() {
    uint32_t c[4] = {counter[0]++, counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < 10; ++i) {
      round(c, k);
      k[0] += 0x9E3779B9u;
      k[1] += 0xBB67AE85u;
    }
    return c[0];
  }
  float uniform() { return float(bits() >> 8) * (1.0f / 16777216.0f); }
  float exponential() { return -logf(1.0f - uniform()); }
  float normal() {
    float r = sqrtf(2.0f * exponential()), a = 6.28318530718f * uniform();
    return r * cosf(a);
  }
};

// ---------------------------------------------------------------- losses
// Softmax cross-entropy; slope[k] = scale * dL/dy[k]. Returns the loss.
static inline float cross_entropy(const float *y, int n, int label, float temperature,
                                  float scale, float *slope) {
  float top = y[0], sum = 0;
  for (int k = 1; k < n; ++k) top = y[k] > top ? y[k] : top;
  for (int k = 0; k < n; ++k) {
    slope[k] = expf((y[k] - top) / temperature);
    sum += slope[k];
  }
  for (int k = 0; k < n; ++k)
    slope[k] = scale / temperature * (slope[k] / sum - (k == label ? 1.0f : 0.0f));
  return logf(sum) - (y[label] - top) / temperature;
}

// The same against shares of the classes.
static inline float soft_cross_entropy(const float *y, int n, const float *share,
                                       float temperature, float scale, float *slope) {
  float top = y[0], sum = 0, total = 0, loss = 0;
  for (int k = 1; k < n; ++k) top = y[k] > top ? y[k] : top;
  for (int k = 0; k < n; ++k) {
    slope[k] = expf((y[k] - top) / temperature);
    sum += slope[k];
    total += share[k];
  }
  for (int k = 0; k < n; ++k) {
    loss += share[k] * (logf(sum) - (y[k] - top) / temperature);
    slope[k] = scale / temperature * (total * slope[k] / sum - share[k]);
  }
  return loss;
}

// Mean over n of the squared error, times a factor; slope[k] = scale * dL/dy[k].
static inline float squared_error(const float *y, int n, const float *target, float factor,
                                  float scale, float *slope) {
  float sum = 0;
  for (int k = 0; k < n; ++k) {
    const float error = y[k] - target[k];
    sum += error * error;
    slope[k] = scale * factor * 2.0f * error / n;
  }
  return factor * sum / n;
}

// Mean over n of the size of the error, times a factor; slope[k] = scale * dL/dy[k].
static inline float absolute_error(const float *y, int n, const float *target, float factor,
                                   float scale, float *slope) {
  float sum = 0;
  for (int k = 0; k < n; ++k) {
    const float error = y[k] - target[k];
    sum += fabsf(error);
    slope[k] = scale * factor * float((error > 0) - (error < 0)) / n;
  }
  return factor * sum / n;
}

// Of times t = -y: half the sum of squares of t[k] - t[label] - lead over the others.
static inline float relative_squared_error(const float *y, int n, int label, float lead,
                                           float scale, float *slope) {
  float sum = 0, errors = 0;
  for (int k = 0; k < n; ++k) {
    const float error = k == label ? 0.0f : y[label] - y[k] - lead;
    sum += error * error;
    errors += error;
    slope[k] = -scale * error;
  }
  slope[label] = scale * errors;
  return 0.5f * sum;
}
}  // namespace mlg
