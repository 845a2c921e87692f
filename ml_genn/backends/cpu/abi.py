"""Functions and structures of the compiled engine, as ctypes sees them."""

from __future__ import annotations

import ctypes

from ml_genn.backends.host.abi.call import COMMON_FIELDS, RECORDING
from ml_genn.backends.host.abi.structure import Field, Structure, header

ENCODE_REQUEST = Structure(
    "EncodeRequest",
    "Spike times of an example, neuron by neuron, that are to become events.",
    (
        Field("const double *", "times", "Times of all spikes [ms]."),
        Field(
            "const int64_t *",
            "ends",
            "Spikes of neuron i: times[ends[i - 1]] .. times[ends[i] - 1].",
        ),
        Field("int64_t", "num_neurons", ""),
        Field("int64_t", "num_spikes", ""),
        Field("int64_t", "num_steps", "Time steps; later events are dropped."),
        Field("double", "dt", "Time step [ms]."),
        Field("double", "latest", "Latest valid time [ms]."),
        Field(
            "double",
            "tolerance",
            "Fraction of a step by which a spike may come after its step.",
        ),
    ),
)

CALL = Structure(
    "Call",
    "One call of the engine.",
    (
        *COMMON_FIELDS,
        Field("int64_t", "phases", "Work to do: flags of Phase."),
        Field(
            "const int32_t *const *",
            "event_steps",
            "Time step of each event, of each input group, for each example.",
        ),
        Field("const id_type *const *", "event_ids", "Neuron of each event."),
        Field("const int64_t *", "event_counts", "Number of events."),
        Field(
            "const int64_t *",
            "delay_rings",
            "(offset, length, row) of delay rings in the state block [floats].",
        ),
        Field("int64_t", "num_delay_rings", ""),
        Field(
            "BeginAllreduce",
            "begin_allreduce",
            "Begins to sum values over all processes, in place; null for one process.",
        ),
        Field(
            "AdvanceAllreduces", "advance_allreduces", "Lets sums under way progress."
        ),
        Field(
            "EndAllreduces",
            "end_allreduces",
            "Waits for all sums under way; returns 0 if one of them failed.",
        ),
    ),
)

_CALLBACKS = """\
typedef void (*BeginAllreduce)(float *values, int64_t count);
typedef void (*AdvanceAllreduces)();
typedef int (*EndAllreduces)();
"""


def call_header() -> str:
    """Text of ``include/call.h``."""
    return header(
        "Structures that Python passes to the engine.",
        ("flags.h", "id_type.h", "recording.h"),
        _CALLBACKS,
        ENCODE_REQUEST.declaration(),
        CALL.declaration(),
    )


class Recording(ctypes.Structure):
    """Variable that is copied out of the state block after every step."""

    _fields_ = RECORDING.ctypes_fields()


class EncodeRequest(ctypes.Structure):
    """Spike times of an example that are to become events."""

    _fields_ = ENCODE_REQUEST.ctypes_fields()


class Call(ctypes.Structure):
    """One call of the engine."""

    _fields_ = CALL.ctypes_fields()


def load(path: str) -> ctypes.CDLL:
    """Returns a library with the types of its functions declared."""
    library = ctypes.CDLL(path)
    engine, i64, u32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint32
    types = {
        "mlg_create": (engine, [ctypes.c_int, i64, ctypes.POINTER(i64)]),
        "mlg_destroy": (None, [engine]),
        "mlg_threads": (ctypes.c_int, [engine]),
        "mlg_run": (ctypes.c_int, [engine, ctypes.POINTER(Call)]),
        "mlg_learned_values_changed": (None, [engine]),
        "mlg_block": (ctypes.c_void_p, [engine, i64]),
        "mlg_spike_ids": (ctypes.c_void_p, [engine, i64, i64]),
        "mlg_spike_offsets": (ctypes.c_void_p, [engine, i64, i64]),
        "mlg_encode": (
            i64,
            [ctypes.POINTER(EncodeRequest), ctypes.c_void_p, ctypes.c_void_p],
        ),
        "mlg_random": (u32, [ctypes.c_uint64, ctypes.c_uint64, u32, u32, u32]),
    }
    for name, (result, arguments) in types.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
