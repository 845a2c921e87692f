// Who runs a loop of generated code: on the CPU, one thread.
#pragma once
#include "platform/simd.h"

// A thread is all members, and leads the only team unless it is told which of several it is.
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
// The library's functions tell NaN apart, which keeps loops from becoming vectors.
#define fmaxf(a, b) mlg::larger(a, b)
#define fminf(a, b) mlg::lesser(a, b)
#define gennrand_uniform() random_.uniform()
#define gennrand_normal() random_.normal()
#define gennrand_exponential() random_.exponential()
#define gennrand() random_.bits()

namespace {
constexpr int team_ = 0, teams_ = 1;  // where a function is not told otherwise
}  // namespace
