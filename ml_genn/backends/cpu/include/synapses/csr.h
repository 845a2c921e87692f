// CSR rows: a source neuron's synapses as a list, sorted by target.
#pragma once
#include "platform/compiler.h"
#include "platform/range.h"
#include "platform/simd.h"
#include "synapse_targets.h"

namespace mlg {
// Narrows a row of listed synapses, sorted by target, to those that lead to a range of
// neurons.
static inline void clip_row(Range<int> of, const id_type *target, int64_t &first, int64_t &last) {
  const int64_t ends[] = {first, last};
  int64_t *found[] = {&first, &last};
  const int64_t wanted[] = {of.first, of.last};
  for (int k = 0; k < 2; ++k) {
    int64_t low = ends[0], high = ends[1];
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (int64_t(target[middle]) < wanted[k]) low = middle + 1;
      else high = middle;
    }
    *found[k] = low;
  }
}

// Asks for what neuron j's first 64 listed synapses have, to be there in time.
template <class T>
MLG_PREFETCH void prefetch_row(const T *list, const int64_t *offset, size_t j) {
  constexpr int LINE = 64 / sizeof(T);
  const T *first = list + offset[j];
  for (int line = 0; line < int(sizeof(T)); ++line) __builtin_prefetch(first + line * LINE);
}

// Rows of listed synapses, each with its target; a row has a target once. Lists are longer by
// a vector than what is in them.
#if defined(__AVX512F__) && !defined(__znver4__) && !defined(__znver5__)
// Sixteen synapses at once. Of loops, compilers make no stores to listed places; AMD's Zen
// does them in microcode, so there it is one by one.
#if defined(__clang__)
#define MLG_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MLG_PICK(a, b, ...) __builtin_shuffle(a, b, places{__VA_ARGS__})
#endif
struct Targets {
  static constexpr int64_t SYNAPSES = 16;
  typedef float numbers __attribute__((vector_size(64)));
  typedef int32_t places __attribute__((vector_size(64)));
  const id_type *target;
  uint16_t lanes;  // those of them that are in the row
  Targets(const id_type *first, int64_t left)
      : target(first), lanes((1u << (left < 16 ? left : 16)) - 1) {}
  places at() const {
    typedef id_type ids __attribute__((vector_size(16 * sizeof(id_type))));
    return __builtin_convertvector(load<ids>(target), places);
  }
  numbers operator()(const float *row) const {
    return __builtin_ia32_gathersiv16sf(numbers{}, row, at(), lanes, 4);
  }
  void add(float *row, numbers more) const {
    __builtin_ia32_scattersiv16sf(row, lanes, at(), (*this)(row) + more, 4);
  }
  Pair<numbers> pair(const float *interleaved) const {
    const numbers low = eight(interleaved, 0), high = eight(interleaved, 8);
    return {MLG_PICK(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
            MLG_PICK(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)};
  }
  // Eight of the pairs, each looked up as one number.
  numbers eight(const float *interleaved, int first) const {
    typedef id_type ids __attribute__((vector_size(8 * sizeof(id_type))));
    typedef int32_t half __attribute__((vector_size(32)));
    typedef double wide __attribute__((vector_size(64)));
    const half at = __builtin_convertvector(load<ids>(target + first), half);
    return (numbers)__builtin_ia32_gathersiv8df(wide{}, interleaved, at, uint8_t(lanes >> first),
                                                8);
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
    Targets(target + e, last - e).add(to, float(SIGN) * load<Targets::numbers>(weight + e));
}

// Backward pass of one row. LEARN: gradient += SIGN * dL/dw of the target. BACKPROP: returns the
// sum over synapses of weight * the gradient that the target passes back.
template <int SIGN, bool LEARN, bool BACKPROP, class Grads>
static inline float csr_backward(float *__restrict gradient, const float *__restrict weight,
                                 const id_type *__restrict target, int64_t first, int64_t last,
                                 const Grads &grads) {
  typedef Targets::numbers Numbers;
  Numbers backprop = {};
  MLG_LOOP
  for (int64_t e = first; e < last; e += Targets::SYNAPSES) {
    const auto grad = grads(Targets(target + e, last - e));
    if (BACKPROP) backprop += load<Numbers>(weight + e) * grad.backprop;
    if (LEARN) {
      const Numbers sum = load<Numbers>(gradient + e) + float(SIGN) * grad.weight_grad;
      memcpy(gradient + e, &sum, sizeof sum);
    }
  }
  return BACKPROP ? total(backprop) : 0.0f;
}
}  // namespace mlg
