// Denormal numbers are flushed to zero while a batch runs: decaying traces become denormal, and
// processors compute with such numbers a hundred times slower.
#pragma once
#include "c_headers.h"

namespace mlg {
// Flushes denormal numbers to zero during its lifetime, in the calling thread.
struct FlushDenormals {
#if defined(__SSE__) || defined(__x86_64__)
  static constexpr unsigned FLUSH = 0x8040;  // MXCSR: flush results and operands
  unsigned before;
  FlushDenormals() : before(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(before | FLUSH); }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
  static constexpr uint64_t FLUSH = 1ull << 24;  // FPCR: FZ
  uint64_t before;
  FlushDenormals() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"(before | FLUSH));
  }
  ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }
#endif
};
}  // namespace mlg
