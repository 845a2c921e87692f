"""Values that training does not change: kinds of parts, their parameters and delays.

Checkpoints contain them as text, so that weights are not used unnoticed in a network
whose neurons or delays are others than those they were trained with.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.errors import TrainingWarning, stacklevel_of_user
from ml_genn.graph.graph import Connection, Graph, Population

#: key of the values in the info of a checkpoint
FIXED_VALUES = "fixed_values"
_SHOWN = 4  #: differences that a warning names

#: {part of a network: {name: value as text}}
FixedValues = Mapping[str, Mapping[str, str]]


def value_text(value: Any) -> str:
    """Returns text that is equal for values that are equal in single precision.

    Args:
        value: a number, or an array, of which the range and a checksum are the text.
    """
    array = np.asarray(value, dtype=np.float32)
    least, most = array.min(), array.max()
    if least == most:
        return str(least)
    return f"{least} to {most} (checksum {zlib.crc32(array.tobytes()):08x})"


def owner_text(owner: Population | Connection) -> str:
    """Returns the name of a population or connection with its kind."""
    kind = "population" if isinstance(owner, Population) else "connection"
    return f"{kind} '{owner.name}'"


def model_kinds(owner: Any) -> dict[str, str]:
    """Returns the classes of a population's or connection's model.

    Args:
        owner: a population or connection.
    """
    if isinstance(owner, Population):
        models = {"neuron": owner.neuron, "readout": owner.neuron.readout}
    else:
        models = {"synapse": owner.synapse}
    return {kind: type(model).__name__ for kind, model in models.items()}


def network_values(graph: Graph) -> dict[str, dict[str, str]]:
    """Returns the values of a network that is not compiled, without sampled ones.

    Args:
        graph: the network.
    """
    values = {}
    owners: list[Any] = [*graph.populations, *graph.connections]
    for owner in owners:
        model = owner.neuron if isinstance(owner, Population) else owner.synapse
        numbers = dict(model.parameters())
        if isinstance(owner, Connection):
            numbers["delay"] = owner.connectivity.delay
        values[owner_text(owner)] = model_kinds(owner) | {
            name: value_text(value)
            for name, value in numbers.items()
            if np.asarray(value).dtype != object and not isinstance(value, str)
        }
    return values


def warn_of_other_values(own: FixedValues, saved: FixedValues) -> None:
    """Warns if a checkpoint was saved with other values than a network has.

    Names that only one of both has are not compared.

    Args:
        own: values of the network.
        saved: values of the checkpoint.
    """
    differing = [
        f"{owner}: {name}={saved[owner][name]} there, {value} here"
        for owner, values in own.items()
        for name, value in values.items()
        if saved.get(owner, {}).get(name, value) != value
    ]
    if not differing:
        return
    more = ", ..." if len(differing) > _SHOWN else ""
    warnings.warn(
        "Checkpoint: it was saved with other values than this network has, which "
        f"training does not change: {'; '.join(differing[:_SHOWN])}{more}. The weights "
        "belong to those of the checkpoint; those of this network are used.",
        TrainingWarning,
        stacklevel=stacklevel_of_user(),
    )
