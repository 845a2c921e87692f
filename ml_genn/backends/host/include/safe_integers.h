// Arithmetic of users' code with integers, with a result for all values. Sums and products wrap
// around (-fwrapv).
#pragma once
#include "c_headers.h"

namespace mlg {
// Smallest and largest values of integer types, and their unsigned types.
template <class T>
struct Integer {
  static constexpr bool IS_SIGNED = T(-1) < T(0);
  static constexpr int BITS = 8 * sizeof(T) - IS_SIGNED;  // without the sign
  static constexpr T MAX = T(~uint64_t(0) >> (64 - BITS));
  static constexpr T MIN = IS_SIGNED ? T(-MAX - 1) : T(0);
};
// Number x as an integer: rounded towards zero, and the nearest integer of the type if it has none
// so large or small. NaN becomes 0.
template <class T, class Real>
static inline T to_integer(Real x) {
  constexpr Real END = Real(uint64_t(1) << (Integer<T>::BITS - 1)) * 2;  // MAX + 1
  if (x >= END) return Integer<T>::MAX;
  if (x <= Real(Integer<T>::MIN)) return Integer<T>::MIN;
  return x == x ? T(x) : T(0);
}
}  // namespace mlg

namespace {
#define MLG_CONVERSION(name, type)   \
  template <class Real>              \
  static inline type name(Real x) {  \
    return mlg::to_integer<type>(x); \
  }
MLG_CONVERSION(to_int_, int)
MLG_CONVERSION(to_unsigned_int_, unsigned int)
MLG_CONVERSION(to_int8_t_, int8_t)
MLG_CONVERSION(to_int16_t_, int16_t)
MLG_CONVERSION(to_int32_t_, int32_t)
MLG_CONVERSION(to_int64_t_, int64_t)
MLG_CONVERSION(to_uint8_t_, uint8_t)
MLG_CONVERSION(to_uint16_t_, uint16_t)
MLG_CONVERSION(to_uint32_t_, uint32_t)
MLG_CONVERSION(to_uint64_t_, uint64_t)
#undef MLG_CONVERSION

// Quotient; 0 if b is 0.
template <class A, class B>
static inline auto divide_(A a, B b) -> decltype(a + b) {
  typedef decltype(a + b) Result;
  const Result divisor = b;
  if (divisor == 0) return 0;
  // The smallest integer by -1 wraps around to itself.
  if (mlg::Integer<Result>::IS_SIGNED && divisor == Result(-1)) return Result(0 - uint64_t(a));
  return Result(a) / divisor;
}
// Remainder, with the sign of a; 0 if b is 0.
template <class A, class B>
static inline auto remainder_(A a, B b) -> decltype(a + b) {
  typedef decltype(a + b) Result;
  const Result divisor = b;
  if (divisor == 0) return 0;
  if (mlg::Integer<Result>::IS_SIGNED && divisor == Result(-1)) return 0;
  return Result(a) % divisor;
}
// Returns true if a value of type T can be shifted by b bits.
template <class T, class B>
static inline bool is_shift_(B b) {
  return b >= B(0) && uint64_t(b) < 8 * sizeof(T);
}
// a * 2^b, without the bits beyond those of its type; 0 if b is negative or the type has no more
// than b bits.
template <class A, class B>
static inline auto shift_left_(A a, B b) -> decltype(+a) {
  typedef decltype(+a) Result;
  return is_shift_<Result>(b) ? Result(uint64_t(a) << b) : Result(0);
}
// a / 2^b, rounded down; 0 if b is negative or the type has no more than b bits.
template <class A, class B>
static inline auto shift_right_(A a, B b) -> decltype(+a) {
  typedef decltype(+a) Result;
  return is_shift_<Result>(b) ? Result(Result(a) >> b) : Result(0);
}
}  // namespace
