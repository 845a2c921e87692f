// Random numbers, the same on every engine.
#pragma once
#include "c_headers.h"

namespace mlg {
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
}  // namespace mlg
