// Memory of the backward pass of an example.
#pragma once
#include "model_tables.h"
#include "synapses/weight_gradients.h"

namespace {
struct Scratch {
  float *grad_rings[GRAD_RINGS + 1];  // rows of dL/dw, one for each step of a window
  int64_t ring_length;                // rows of a ring
  mlg::SpikesByNeuron spikes_by_neuron;
};
}  // namespace
