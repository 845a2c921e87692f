// What depends on the compiler: attributes and pragmas.
#pragma once

// What takes no part of a time step is compiled for size: that takes less than half as long.
// A block of code that calls such a function is taken to be no part of one, either.
#define MLG_COLD __attribute__((cold, noinline))
// What runs now and then is compiled once, not wherever it is called.
#define MLG_ONCE __attribute__((noinline))
#if defined(__clang__)
#define MLG_LOOP _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#else
#define MLG_LOOP _Pragma("GCC ivdep")
#endif
// A function that only asks for memory seems to do nothing, and GCC drops calls of it.
#define MLG_PREFETCH __attribute__((always_inline)) static inline
