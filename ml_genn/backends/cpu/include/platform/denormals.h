// Denormal numbers.
#pragma once
#include "c_headers.h"

namespace mlg {
// They would make decaying traces a hundred times slower; flushed to zero while we run.
struct FlushDenormals {
#if defined(__SSE__) || defined(__x86_64__)
  unsigned before;
  FlushDenormals() : before(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(before | 0x8040); }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
  uint64_t before;
  FlushDenormals() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"(before | (1ull << 24)));
  }
  ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }
#endif
};
}  // namespace mlg
