// Who runs the loops of generated code. The same text runs on a GPU, where the threads of a block
// are the members, and its warps the teams.
#pragma once
#include "platform/simd.h"

// A thread of the CPU is all members. It is the only team, unless a function says which of several
// teams it is.
#define MLG_MEMBER 0
#define MLG_MEMBERS 1
#define MLG_TEAM team_
#define MLG_TEAMS teams_
#define MLG_LANE 0
#define MLG_LANES 1
#define MLG_LEADER
#define MLG_SYNC
#define MLG_ADD(to, number) ((to) += (number))
#define MLG_SUM(number) (number)
#define MLG_STATUS(status) __atomic_load_n(status, __ATOMIC_RELAXED)
#define MLG_SET_STATUS(status, flag) __atomic_fetch_or(status, int(flag), __ATOMIC_RELAXED)
// The functions of the C library treat NaN separately, which prevents vectorisation.
#define fmaxf(a, b) mlg::max_float(a, b)
#define fminf(a, b) mlg::min_float(a, b)
// The function of the C library writes the sign to a global variable, from all threads.
#define lgammaf(x) mlg::log_gamma(x)
#define gennrand_uniform() random_.uniform()
#define gennrand_normal() random_.normal()
#define gennrand_exponential() random_.exponential()
#define gennrand() random_.bits()

namespace {
constexpr int team_ = 0, teams_ = 1;  // in functions without such arguments
}  // namespace
