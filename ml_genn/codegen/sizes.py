"""Sizes of rows and flags, and the thresholds that layouts depend on."""

from __future__ import annotations

from ml_genn.model.plan import NeuronGroup

ROW_ALIGNMENT = 16  #: floats; rows are padded to whole cache lines of 64 bytes
FLAG_ALIGNMENT = 64  #: flags of one byte; those of a group fill whole cache lines
MAX_UINT16_NEURONS = 1 << 16  #: populations up to this size have 16-bit neuron indices
#: weights of one connection from which on reading them takes longer than using them
MEMORY_BOUND_WEIGHTS = 1 << 14
#: neurons from which on threads split an example if a batch has fewer examples
MIN_NEURONS_TO_SPLIT = 1024
DRAWS_PER_STEP = 1 << 17  #: random numbers that a neuron may draw in a step


def padded(size: int) -> int:
    """The size rounded up to whole rows of `ROW_ALIGNMENT` floats."""
    return _rounded_up(size, ROW_ALIGNMENT)


def flag_bytes(group: NeuronGroup) -> int:
    """Bytes of one flag per neuron, in whole cache lines."""
    return _rounded_up(group.size, FLAG_ALIGNMENT)


def _rounded_up(size: int, multiple: int) -> int:
    return (size + multiple - 1) // multiple * multiple
