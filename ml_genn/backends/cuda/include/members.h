// Who runs the loops of generated code: members take neurons, teams take spikes, and the lanes of a
// team the synapses of a spike. See platform/grid.h.
#pragma once
#include "platform/barrier.h"
#include "platform/grid.h"
#include "platform/warp.h"

#define MLG_MEMBER mlg::member()
#define MLG_MEMBERS mlg::members()
#define MLG_TEAM mlg::team()
#define MLG_TEAMS mlg::teams()
#define MLG_LANE mlg::lane()
#define MLG_LANES mlg::WARP_SIZE
#define MLG_LEADER if (mlg::lane() == 0)
#define MLG_ADD(to, number) atomicAdd(&(to), number)
#define MLG_SUM(number) mlg::warp_sum(number)
#define MLG_STATUS(status) (*status)
#define MLG_SET_STATUS(status, flag) atomicOr(status, int(flag))
// Hints for the CPU's compiler.
#define MLG_COLD
#define MLG_LOOP

#define gennrand_uniform() random_.uniform()
#define gennrand_normal() random_.normal()
#define gennrand_exponential() random_.exponential()
#define gennrand() random_.bits()
