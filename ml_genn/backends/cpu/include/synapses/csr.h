// CSR synapses: a row lists the synapses of one source neuron, sorted by target. A target occurs
// once in a row. Lists are followed by padding, so a whole vector can be loaded from any entry.
#pragma once
#include "platform/compiler.h"
#include "platform/memory.h"
#include "platform/range.h"
#include "platform/simd.h"
#include "synapse_targets.h"

namespace mlg {
// Narrows a row, entries first <= e < last, to the targets in a range (binary search).
static inline void clip_row(Range<int> range, const id_type *target, int64_t &first,
                            int64_t &last) {
  const int64_t row[] = {first, last};
  const int64_t bounds[] = {range.first, range.last};
  int64_t *clipped[] = {&first, &last};
  for (int k = 0; k < 2; ++k) {
    int64_t low = row[0], high = row[1];
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (int64_t(target[middle]) < bounds[k]) low = middle + 1;
      else high = middle;
    }
    *clipped[k] = low;
  }
}

// Prefetches what the first 64 synapses of neuron j have in a list.
template <class T>
MLG_PREFETCH void prefetch_row(const T *list, const int64_t *offset, size_t j) {
  constexpr int ENTRIES = CACHE_LINE / sizeof(T), LINES = 64 / ENTRIES;
  const T *first = list + offset[j];
  for (int line = 0; line < LINES; ++line) __builtin_prefetch(first + line * ENTRIES);
}

#if defined(__AVX512F__) && !defined(__znver4__) && !defined(__znver5__)
// Targets of sixteen synapses, with gather and scatter instructions. Compilers do not vectorise
// loops that store to listed places. AMD's Zen executes scatters in microcode, so there synapses
// are computed one by one.
#if defined(__clang__)
#define MLG_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MLG_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, indices{__VA_ARGS__})
#endif
struct Targets {
  static constexpr int64_t SYNAPSES = 16;
  typedef float floats __attribute__((vector_size(64)));
  typedef int32_t indices __attribute__((vector_size(64)));
  const id_type *target;
  uint16_t mask;  // lanes that are in the row
  Targets(const id_type *first, int64_t remaining)
      : target(first), mask((1u << (remaining < SYNAPSES ? remaining : SYNAPSES)) - 1) {}
  indices at() const {
    typedef id_type ids __attribute__((vector_size(16 * sizeof(id_type))));
    return __builtin_convertvector(load<ids>(target), indices);
  }
  floats operator()(const float *row) const {
    return __builtin_ia32_gathersiv16sf(floats{}, row, at(), mask, 4);
  }
  void add(float *row, floats more) const {
    __builtin_ia32_scattersiv16sf(row, mask, at(), (*this)(row) + more, 4);
  }
  Pair<floats> pair(const float *interleaved) const {
    const floats low = eight_pairs(interleaved, 0), high = eight_pairs(interleaved, 8);
    return {MLG_SHUFFLE(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
            MLG_SHUFFLE(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)};
  }
  // Gathers eight pairs, each as one number of eight bytes.
  floats eight_pairs(const float *interleaved, int first) const {
    typedef id_type ids __attribute__((vector_size(8 * sizeof(id_type))));
    typedef int32_t half __attribute__((vector_size(32)));
    typedef double wide __attribute__((vector_size(64)));
    const half at = __builtin_convertvector(load<ids>(target + first), half);
    const uint8_t half_mask = uint8_t(mask >> first);
    return (floats)__builtin_ia32_gathersiv8df(wide{}, interleaved, at, half_mask, 8);
  }
};
#else
typedef OneTarget Targets;
#endif

// to[target] += SIGN * weight
template <int SIGN>
static inline void add_csr_row(float *__restrict to, const float *__restrict weight,
                               const id_type *__restrict target, int64_t first, int64_t last) {
  for (int64_t e = first; e < last; e += Targets::SYNAPSES)
    Targets(target + e, last - e).add(to, float(SIGN) * load<Targets::floats>(weight + e));
}

// Backward pass of one row. LEARN: gradient += SIGN * dL/dw of the target. BACKPROP: returns the
// sum over synapses of weight * the gradient that the target passes back.
template <int SIGN, bool LEARN, bool BACKPROP, class Grads>
static inline float csr_backward(float *__restrict gradient, const float *__restrict weight,
                                 const id_type *__restrict target, int64_t first, int64_t last,
                                 const Grads &grads) {
  typedef Targets::floats floats;
  floats backprop = {};
  MLG_LOOP
  for (int64_t e = first; e < last; e += Targets::SYNAPSES) {
    const auto grad = grads(Targets(target + e, last - e));
    if (BACKPROP) backprop += load<floats>(weight + e) * grad.backprop;
    if (LEARN) {
      const floats sum = load<floats>(gradient + e) + float(SIGN) * grad.weight_grad;
      memcpy(gradient + e, &sum, sizeof sum);
    }
  }
  return BACKPROP ? sum_lanes(backprop) : 0.0f;
}
}  // namespace mlg
