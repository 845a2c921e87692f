"""Names in GeNN code: variables, parameters, arrays, inputs and custom updates.

Names of neuron models never end in an underscore (`ml_genn.model.equations`), so names
here that do cannot clash with them.
"""

from __future__ import annotations

# ---------------------------------------------------------------- variables of synapses
WEIGHT, GRADIENT = "weight", "gradient"
DELAY, DELAY_GRADIENT = "delay", "delay_gradient"  #: the delay is in time steps

# ---------------------------------------------------------------- time in neuron code
DEVICE_STEP = "device_step_"  #: steps since the batch began, backward pass included
STEP_INDEX = "step_index_"  #: time step of the example; runs down in the backward pass
ENTRY = "entry_"  #: element of an array (steps, examples, neurons) at ``STEP_INDEX``

# ---------------------------------------------------------------- neurons
RASTER = "raster_"  #: array (steps, examples, words) of input spikes, one bit each
FRAMES = "frames_"  #: array (examples, frames, neurons) of analog input
FIRED = "fired_"  #: local: true if the neuron spikes in this step
SPIKE_GRAD = "spike_grad_"  #: local: dL/ds of an active neuron's spike
ACTIVE = "active_"  #: local: true if the surrogate derivative of the spike is not zero
SCALE = "scale_"  #: parameter: one over the number of examples in the batch

# ---------------------------------------------------------------- backward pass
ACTIVITY = "activity_"  #: array (steps, examples, neurons) of flags, see below
SPIKED_FLAG, ACTIVE_FLAG = 1, 2  #: bits of a flag: the neuron spiked, was active
FLAGS = "flags_"  #: local: flags of the step that is undone
NEXT_FLAGS = "next_flags_"  #: variable: flags of the step that is undone next
OUTPUT_TAPE = "output_tape_"  #: array (steps, examples, neurons): output variable
OUTPUT_GRADS = "output_grads_"  #: array of the same shape: dL/d(output variable)
RESULT_GRAD = "result_grad_"  #: variable: dL/d(result of the readout)
SPIKE_COUNT = "num_spikes_"  #: variable: spikes of a neuron with a regularised rate
RATE_GRAD = "rate_grad_"  #: variable: dL/ds from the firing-rate regularisation
SILENT_GRAD = "silent_grad_"  #: variable: dL/ds of a silent output neuron
BACKPROP = "backprop_"  #: input: dL/dt (EventProp) or dL/ds (BPTT) from its synapses

# ---------------------------------------------------------------- custom updates
RESET, RESET_READOUT, READ_OUT = "Reset", "ResetReadout", "ReadOut"
REDUCE, OPTIMISE, COPY = "Reduce", "Optimise", "Copy"
RESULT = "result_"  #: result of a readout
SUM = "sum_"  #: gradient, summed over the batch
OPTIMISED = "x"  #: value that an optimiser updates, as its code calls it


def arrivals(port: int) -> str:
    """Returns the input that spikes into a port add their weights to."""
    return f"arrivals{port}_"


def weight_grad(port: int) -> str:
    """Returns the variable with dL/dw of a spike that arrives at a port."""
    return f"weight_grad{port}_"


def port_backprop(port: int) -> str:
    """Returns the variable that, times the weight, flows back through a port."""
    return f"backprop{port}_"


def adjoint(variable: str) -> str:
    """Returns the adjoint variable dL/d(variable)."""
    return f"lambda_{variable}"


def parameter_gradient(name: str) -> str:
    """Returns the variable in which an optimiser reads the gradient of a parameter."""
    return f"{name}_gradient_"
