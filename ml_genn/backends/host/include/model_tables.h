// Sizes and tables of a model. A generated file defines its own, and MLG_MODEL_TABLES; a header
// that is compiled alone sees a model without neurons.
#pragma once
#include "c_headers.h"

#ifndef MLG_MODEL_TABLES
constexpr int64_t INPUTS = 0;              // groups whose spikes come with the data
constexpr int64_t OUTPUTS = 0;             // groups with a readout
constexpr int64_t LOSS_SCALARS = 0;        // numbers of losses, before those of regularisers
constexpr int64_t TAPES = 0;               // spike tapes, and tapes of active neurons
constexpr int64_t HISTORIES = 0;           // groups with state that the backward pass reads
constexpr int64_t GROUPS = 0;              // neuron groups
constexpr int64_t LEARNED = 0;             // learned arrays
constexpr int64_t ALL_LEARNED = -1;        // argument of weight_gradients: all learned arrays
constexpr int64_t NORMS = 0;               // 1 if an optimiser needs norms of gradients
constexpr int64_t REGULARISED = 0;         // groups whose firing rate is regularised
constexpr int64_t GRAD_RINGS = 0;          // rings of dL/dw rows
constexpr int64_t SURROGATES = 0;          // groups with a surrogate derivative
constexpr int64_t LAZY_ADJOINTS = 0;       // groups whose adjoints start at their last event
constexpr int64_t LAZY_PROPAGATORS = 0;    // groups with interleaved adjoints
constexpr int64_t FLAG_BYTES = 0;          // flags of all groups
constexpr int64_t CAN_SPLIT_EXAMPLES = 0;  // 1 if threads can share an example
constexpr int64_t ACTIVE_LISTS = 0;        // groups whose active neurons are listed
constexpr int64_t EXAMPLES_PER_TILE = 1;   // examples of a backward pass of one thread, at most
constexpr int64_t ACTIVE_FLOATS = 0;       // saved values of active neurons, per step
constexpr int64_t TRANSPOSED_FLOATS = 0;   // transposed weights
constexpr int64_t ONLINE_FLOATS = 0;       // adjoints and traces of online learning
constexpr int64_t ONLINE_STEP_FLOATS = 0;  // dL/dw of spikes, per step of a block
constexpr int64_t ONLINE_SOURCES = 0;      // source neurons of synapses that learn online
// Bounds within which no step of a bounded optimiser overflows.
constexpr float MAX_SAFE_NUMBER = 0, MIN_SAFE_SCALAR = 0, MAX_SAFE_SCALAR = 0;
constexpr float MAX_STORED_NUMBER = 0;  // largest number that a step may store
// Tables end with -1.
constexpr int64_t INPUT_TAPE[] = {-1};           // tape of each input
constexpr int64_t STEP_LOSS_GRAD_SIZE[] = {-1};  // per step, of each output; 0 without such a loss
constexpr int64_t HISTORY_SIZE[] = {-1};         // floats per step
constexpr int64_t READOUT_ROWS[] = {-1};         // offset and size of each row of a readout
constexpr int64_t CHECKED_ROWS[] = {-1};      // offset, size and group of each row that is finite
constexpr int64_t FIRST_SCALAR[] = {-1};      // of the optimiser of each learned array
constexpr int64_t NUM_SCALARS[] = {-1};       // 0 without optimiser
constexpr int64_t HAS_BOUNDED_STEP[] = {-1};  // 1 for optimisers that say so, else 0
constexpr int64_t GRAD_RING_SIZE[] = {-1};    // floats per step
constexpr int64_t ACTIVE_LIST_SIZE[] = {-1};  // neurons of each group with active lists
constexpr int64_t ACTIVE_LIST_TAPE[] = {-1};  // tape of each
constexpr int64_t REGULARISED_SIZE[] = {-1};  // neurons of each regularised group
constexpr int64_t REGULARISED_TAPE[] = {-1};  // tape of each
#endif
