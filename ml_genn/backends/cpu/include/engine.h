// What every generated CPU model needs: threads, spike tapes, rows of weights, random
// numbers, losses. The generated file names the integer that holds a neuron's index
// (id_type.h) and includes this; it then defines the model and includes run.h.
#pragma once
#include "analog_input.h"
#include "call.h"
#include "lazy_propagator.h"
#include "online/state.h"
#include "online/synapses.h"
#include "platform/barrier.h"
#include "platform/thread_pool.h"
#include "random.h"
#include "spikes/flags.h"
#include "spikes/tape.h"
#include "synapses/convolution.h"
#include "synapses/csr.h"
#include "synapses/dense.h"
#include "synapses/transposed_weights.h"
#include "synapses/weight_gradients.h"
