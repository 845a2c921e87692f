// Attributes and pragmas of compilers.
#pragma once

// Code outside time steps is compiled for size, which takes less than half as long. GCC also
// treats a block of code as cold if it calls a cold function.
#define MLG_COLD __attribute__((cold, noinline))
// Code that runs once per block of time steps is compiled once instead of at each call.
#define MLG_ONCE __attribute__((noinline))
#if defined(__clang__)
#define MLG_LOOP _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#else
#define MLG_LOOP _Pragma("GCC ivdep")
#endif
// A function that only prefetches has no effect that GCC knows of, so it would drop calls of it.
#define MLG_PREFETCH __attribute__((always_inline)) static inline
