"""The C structures of the engine, as ctypes sees them."""

from __future__ import annotations

import ctypes
from enum import IntEnum


class Phase(IntEnum):
    """What a call does; several are added by ``|``."""

    BEGIN = 1
    FORWARD = 2
    END = 4
    BACKWARD = 8
    REDUCE = 16
    UPDATE = 32
    OWN_SLOTS = 64
    KEEP_STATE = 128
    ONLINE = 256
    FORGET = 512


FINE, NO_MEMORY, NOT_FINITE = 0, 1, 2


class Recording(ctypes.Structure):
    """A stretch of the state block that is copied out after every step."""

    _fields_ = [
        ("offset", ctypes.c_int64),
        ("size", ctypes.c_int64),
        ("backward", ctypes.c_int32),
        ("apart", ctypes.c_int32),
        ("to", ctypes.c_void_p),
    ]


#: Sums of numbers over all processes, in place: begins one, lets those that were begun
#: go on, and waits for them.
BeginSum = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_float), ctypes.c_int64)
AdvanceSums = ctypes.CFUNCTYPE(None)
EndSums = ctypes.CFUNCTYPE(ctypes.c_int)


class Call(ctypes.Structure):
    """One call of the engine; fields as in call.h."""

    _fields_ = [
        ("num_steps", ctypes.c_int64),
        ("batch", ctypes.c_int64),
        ("first", ctypes.c_int64),
        ("last", ctypes.c_int64),
        ("phases", ctypes.c_int64),
        ("example", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("dt", ctypes.c_float),
        ("scale", ctypes.c_float),
        ("scalars", ctypes.c_void_p),
        ("arrays", ctypes.c_void_p),
        ("integers", ctypes.c_void_p),
        ("initial", ctypes.c_void_p),
        ("event_steps", ctypes.c_void_p),
        ("event_ids", ctypes.c_void_p),
        ("event_counts", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("targets", ctypes.c_void_p),
        ("results", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("losses", ctypes.c_void_p),
        ("loss_scalars", ctypes.c_void_p),
        ("optimiser_scalars", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("gradients", ctypes.c_void_p),
        ("carried", ctypes.c_int64),
        ("block", ctypes.c_int64),
        ("gather", ctypes.c_int64),
        ("rings", ctypes.c_void_p),
        ("num_rings", ctypes.c_int64),
        ("num_recordings", ctypes.c_int64),
        ("recordings", ctypes.c_void_p),
        ("begin_sum", BeginSum),
        ("advance_sums", AdvanceSums),
        ("end_sums", EndSums),
    ]


class Given(ctypes.Structure):
    """Spikes of an example; see ``spikes/encode.h``."""

    _fields_ = [
        ("times", ctypes.c_void_p),
        ("ends", ctypes.c_void_p),
        ("neurons", ctypes.c_int64),
        ("spikes", ctypes.c_int64),
        ("num_steps", ctypes.c_int64),
        ("dt", ctypes.c_double),
        ("latest", ctypes.c_double),
        ("tolerance", ctypes.c_double),
    ]


def load(path: str) -> ctypes.CDLL:
    """The library, with the types of its functions declared."""
    library = ctypes.CDLL(path)
    engine, i64, u32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint32
    types = {
        "mlg_create": (engine, [ctypes.c_int, i64, ctypes.POINTER(i64)]),
        "mlg_destroy": (None, [engine]),
        "mlg_threads": (ctypes.c_int, [engine]),
        "mlg_run": (ctypes.c_int, [engine, ctypes.POINTER(Call)]),
        "mlg_block": (ctypes.c_void_p, [engine, i64]),
        "mlg_spike_ids": (ctypes.c_void_p, [engine, i64, i64]),
        "mlg_spike_offsets": (ctypes.c_void_p, [engine, i64, i64]),
        "mlg_encode": (
            i64,
            [ctypes.POINTER(Given), ctypes.c_void_p, ctypes.c_void_p],
        ),
        "mlg_random": (u32, [ctypes.c_uint64, ctypes.c_uint64, u32, u32, u32]),
    }
    for name, (result, arguments) in types.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
