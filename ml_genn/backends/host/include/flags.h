// Flags of a call and of its status.
// Generated: python -m ml_genn.backends.generated_headers
#pragma once

namespace mlg {
// Work of a call; the CPU engine does all of it in one, a kernel some of it.
enum Phase {
  // Set the state of each example to its initial values.
  BEGIN = 1,
  // Run the time steps of the call.
  FORWARD = 2,
  // Compute readouts and losses.
  END = 4,
  // Run the backward pass of all time steps.
  BACKWARD = 8,
  // Sum the gradients over threads and processes and return them.
  REDUCE = 16,
  // Apply the optimisers to the summed gradients.
  UPDATE = 32,
  // Give each example memory of its own, readable after the call.
  OWN_SLOTS = 64,
  // With BEGIN: start from the state in which the last batch ended.
  CONTINUE_STATE = 128,
  // Compute gradients during the forward pass, block by block.
  ONLINE = 256,
  // Drop spikes that no later time step needs.
  DROP_SPIKES = 512,
};

// Errors of a call; several can be set.
enum Status {
  // No error.
  OK = 0,
  // An allocation failed.
  OUT_OF_MEMORY = 1,
  // A loss is not finite. With this flag, and with the other ones of that name, no learned value
  // was updated.
  LOSS_NOT_FINITE = 2,
  // A sum over processes failed.
  ALLREDUCE_FAILED = 4,
  // The spikes of an example do not fit on a tape (CUDA).
  TAPE_FULL = 8,
  // Another thread runs a call, or did when this process was forked.
  BUSY = 16,
  // A loop in the code of a neuron ran too often in a time step.
  ENDLESS_LOOP = 32,
  // The state of a neuron is not finite at the end of an example.
  STATE_NOT_FINITE = 64,
  // A gradient, or the norm of one, is not finite.
  GRADIENT_NOT_FINITE = 128,
  // A learned value, or an optimiser's state of it, would be of MAX_STORED_NUMBER or more after the
  // step, or no number; no learned value was updated.
  STEP_TOO_LARGE = 256,
  // A loss or a state of another process is not finite.
  PROCESS_NOT_FINITE = 512,
};
}  // namespace mlg
