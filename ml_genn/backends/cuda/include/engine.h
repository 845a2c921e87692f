// Primitives of generated kernels: members, spike tapes, synapses, random numbers. A generated file
// defines its tables (model_tables.h), includes this and slot.h, defines its functions
// (model_functions.h) and includes run.h.
#pragma once
#include "analog_input.h"
#include "call.h"
#include "finite.h"
#include "lazy_propagator.h"
#include "loop_budget.h"
#include "members.h"
#include "online/state.h"
#include "online/synapses.h"
#include "platform/memory.h"
#include "random.h"
#include "safe_integers.h"
#include "spikes/flags.h"
#include "spikes/tape.h"
#include "synapses/csr.h"
#include "synapses/dense.h"
#include "synapses/weight_gradients.h"
