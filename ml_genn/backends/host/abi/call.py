"""Flags and structures of a call, which the CPU and CUDA engines share with Python.

They are declared here once; `ml_genn.backends.generated_headers` makes C++ headers of
them.
"""

from __future__ import annotations

from enum import IntFlag

from ml_genn.backends.host.abi.structure import (
    Field,
    Structure,
    enum_declaration,
    header,
)


class Phase(IntFlag):
    """Work of a call; the CPU engine does all of it in one, a kernel some of it."""

    BEGIN = 1 << 0
    FORWARD = 1 << 1
    END = 1 << 2
    BACKWARD = 1 << 3
    REDUCE = 1 << 4
    UPDATE = 1 << 5
    OWN_SLOTS = 1 << 6
    CONTINUE_STATE = 1 << 7
    ONLINE = 1 << 8
    DROP_SPIKES = 1 << 9


_PHASE_COMMENTS = {
    "BEGIN": "Set the state of each example to its initial values.",
    "FORWARD": "Run the time steps of the call.",
    "END": "Compute readouts and losses.",
    "BACKWARD": "Run the backward pass of all time steps.",
    "REDUCE": "Sum the gradients over threads and processes and return them.",
    "UPDATE": "Apply the optimisers to the summed gradients.",
    "OWN_SLOTS": "Give each example memory of its own, readable after the call.",
    "CONTINUE_STATE": "With BEGIN: start from the state in which the last batch ended.",
    "ONLINE": "Compute gradients during the forward pass, block by block.",
    "DROP_SPIKES": "Drop spikes that no later time step needs.",
}


class Status(IntFlag):
    """Errors of a call; several can be set."""

    OK = 0
    OUT_OF_MEMORY = 1 << 0
    LOSS_NOT_FINITE = 1 << 1
    ALLREDUCE_FAILED = 1 << 2
    TAPE_FULL = 1 << 3
    BUSY = 1 << 4
    ENDLESS_LOOP = 1 << 5
    STATE_NOT_FINITE = 1 << 6
    GRADIENT_NOT_FINITE = 1 << 7
    STEP_TOO_LARGE = 1 << 8
    PROCESS_NOT_FINITE = 1 << 9


_STATUS_COMMENTS = {
    "OK": "No error.",
    "OUT_OF_MEMORY": "An allocation failed.",
    "LOSS_NOT_FINITE": "A loss is not finite. With this flag, and with the other ones "
    "of that name, no learned value was updated.",
    "ALLREDUCE_FAILED": "A sum over processes failed.",
    "TAPE_FULL": "The spikes of an example do not fit on a tape (CUDA).",
    "BUSY": "Another thread runs a call, or did when this process was forked.",
    "ENDLESS_LOOP": "A loop in the code of a neuron ran too often in a time step.",
    "STATE_NOT_FINITE": "The state of a neuron is not finite at the end of an example.",
    "GRADIENT_NOT_FINITE": "A gradient, or the norm of one, is not finite.",
    "STEP_TOO_LARGE": "A learned value, or an optimiser's state of it, would be of "
    "MAX_STORED_NUMBER or more after the step, or no number; no learned value was "
    "updated.",
    "PROCESS_NOT_FINITE": "A loss or a state of another process is not finite.",
}

RECORDING = Structure(
    "Recording",
    "Variable that is copied out of the state block after every step.",
    (
        Field("int64_t", "offset", "Place of its first value in the block [floats]."),
        Field("int64_t", "size", "Number of values."),
        Field("int64_t", "backward", "1 if it is copied in the backward pass, else 0."),
        Field("int64_t", "stride", "Floats from one value to the next."),
        Field("float *", "to", "Copies: (examples, steps, size)."),
    ),
)

#: Fields that generated functions and both engines read.
COMMON_FIELDS = (
    Field("int64_t", "num_steps", "Time steps of an example."),
    Field("int64_t", "batch", "Examples of the batch."),
    Field("int64_t", "first_step", "Steps to run: first_step <= t < end_step."),
    Field("int64_t", "end_step", ""),
    Field("int64_t", "example", "Number of the first example, for random numbers."),
    Field("uint64_t", "seed", "Seed of random numbers."),
    Field("const float *", "scalars", "Constants of groups; see Layout.scalars."),
    Field(
        "float *const *",
        "arrays",
        "Constants of neurons, delays, weights, learned parameters; see Layout.arrays.",
    ),
    Field(
        "const int64_t *",
        "integers",
        "Constant delays, lengths and offsets of delay rings; see Layout.integers.",
    ),
    Field("const float *", "initial_state", "State block at the start of an example."),
    Field(
        "const float *const *",
        "values",
        "Frames of each group with analog input, for each example: (frames, neurons).",
    ),
    Field(
        "const void *const *",
        "targets",
        "Labels, values or trajectories of each output group.",
    ),
    Field(
        "float *const *", "results", "Readouts of each output group: (batch, neurons)."
    ),
    Field("const float *", "weights", "Weight of each loss: (batch, output groups)."),
    Field("float *", "losses", "Losses of the examples: (batch, output groups)."),
    Field(
        "const float *",
        "loss_scalars",
        "Factor and first-spike term of each output's loss; then lower strength, upper "
        "strength and target rate of each regulariser.",
    ),
    Field(
        "const float *",
        "optimiser_scalars",
        "Scalars of all optimiser updates, one after the other.",
    ),
    Field("float *const *", "slots", "State of all optimiser updates, array by array."),
    Field("float *const *", "gradients", "Gradient of each learned array."),
    Field(
        "int64_t",
        "carryover_steps",
        "1 + the longest delay: steps whose spikes a later batch or block needs.",
    ),
    Field(
        "int64_t",
        "block_steps",
        "Steps after which online gradients are computed and old spikes are dropped.",
    ),
    Field(
        "int64_t",
        "gradient_window",
        "Steps of the backward pass after which dense weight gradients are summed.",
    ),
    Field(
        "int32_t *",
        "state_not_finite",
        "1 for each neuron group whose state is not finite, else 0.",
    ),
    Field(
        "uint32_t *",
        "maxima",
        "Bits of the largest absolute gradient of each learned array, then of the "
        "largest absolute number that the step stores: (2, learned arrays).",
    ),
    Field("int64_t", "num_recordings", ""),
    Field("const Recording *", "recordings", ""),
    Field("int32_t *", "status", "Flags of Status that code of neurons sets."),
    Field("float", "dt", "Time step [ms]."),
    Field("float", "scale", "1 / examples of the batch, over all processes."),
)


def flags_header() -> str:
    """Text of ``flags.h``."""
    return header(
        "Flags of a call and of its status.",
        (),
        enum_declaration(Phase, _PHASE_COMMENTS),
        enum_declaration(Status, _STATUS_COMMENTS),
    )


def recording_header() -> str:
    """Text of ``recording.h``."""
    return header(
        "Variables that are copied out after every step.",
        ("c_headers.h",),
        RECORDING.declaration(),
    )
