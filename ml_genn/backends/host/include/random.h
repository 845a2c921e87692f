// Random numbers, the same on every engine.
#pragma once
#include "c_headers.h"

namespace mlg {
// Philox 4x32-10 (Salmon et al. 2011). A number depends on seed, example, step, neuron and the
// index of the draw, never on threads.
struct Random {
  static constexpr int ROUNDS = 10;
  static constexpr uint32_t MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;
  static constexpr uint32_t KEY_STEP_0 = 0x9E3779B9u, KEY_STEP_1 = 0xBB67AE85u;
  static constexpr float TWO_PI = 6.28318530718f;
  static constexpr int MANTISSA_BITS = 24;  // of a float
  static constexpr float MANTISSA_VALUES = float(1 << MANTISSA_BITS);
  uint32_t key[2], counter[4];

  Random(uint64_t seed, uint64_t example, uint32_t step, uint32_t neuron, uint32_t first_draw)
      : key{uint32_t(seed), uint32_t(seed >> 32) ^ uint32_t(example >> 32)},
        counter{first_draw, uint32_t(example), step, neuron} {}
  static void round(uint32_t *c, const uint32_t *k) {
    const uint64_t a = uint64_t(MULTIPLIER_0) * c[0], b = uint64_t(MULTIPLIER_1) * c[2];
    const uint32_t next[4] = {uint32_t(b >> 32) ^ c[1] ^ k[0], uint32_t(b),
                              uint32_t(a >> 32) ^ c[3] ^ k[1], uint32_t(a)};
    memcpy(c, next, sizeof next);
  }
  // Returns 32 random bits.
  uint32_t bits() {
    uint32_t c[4] = {counter[0]++, counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < ROUNDS; ++i) {
      round(c, k);
      k[0] += KEY_STEP_0;
      k[1] += KEY_STEP_1;
    }
    return c[0];
  }
  // Uniform in [0, 1), with the 24 bits of a float's mantissa.
  float uniform() { return float(bits() >> (32 - MANTISSA_BITS)) * (1.0f / MANTISSA_VALUES); }
  float exponential() { return -logf(1.0f - uniform()); }
  // Box-Muller transform.
  float normal() {
    const float radius = sqrtf(2.0f * exponential()), angle = TWO_PI * uniform();
    return radius * cosf(angle);
  }
};
}  // namespace mlg
