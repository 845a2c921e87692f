// Forked processes, which are a copy of all memory but have one thread: the one that called fork.
#pragma once
#include "c_headers.h"

namespace mlg {
// Forks between the process that loaded the library and this one.
inline int num_forks = 0;

inline void count_fork() { ++num_forks; }
}  // namespace mlg
