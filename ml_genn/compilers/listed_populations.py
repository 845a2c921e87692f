"""Inputs and outputs that users list when they compile, as mlGeNN's scripts do."""

from __future__ import annotations

from collections.abc import Sequence

from ml_genn.errors import ValidationError
from ml_genn.graph.graph import PopulationType, get_underlying_pop
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.population import Population

#: one or several populations or layers; None for all of them
Keys = PopulationType | Sequence[PopulationType] | None


def check_inputs(where: str, network: Network, inputs: Keys) -> None:
    """Checks that a user lists all inputs of a network.

    Args:
        where: name of the compiler.
        network: the network.
        inputs: populations that a user lists; None for no list.

    Raises:
        ValidationError: if they are others than those of the network.
    """
    all_inputs = [p for p in network.populations if isinstance(p.neuron, Input)]
    listed = _populations(inputs, all_inputs)
    if set(listed) != set(all_inputs):
        raise ValidationError(
            f"{where}: inputs are all populations that are given data, "
            f"{_names(all_inputs)}. Received {_names(listed)}."
        )


def listed_outputs(
    where: str, network: Network, outputs: Keys
) -> tuple[Population, ...]:
    """Returns the populations that are read, each once.

    Args:
        where: name of the compiler.
        network: the network.
        outputs: populations that a user lists; None for all with a readout.

    Raises:
        ValidationError: if one of them has no readout.
    """
    readable = [p for p in network.populations if p.neuron.readout is not None]
    listed = _populations(outputs, readable)
    if not set(listed) <= set(readable):
        raise ValidationError(
            f"{where}: outputs are populations of this network with a readout, "
            f"{_names(readable)}. Received {_names(listed)}."
        )
    return tuple(dict.fromkeys(listed))


def _populations(keys: Keys, default: list[Population]) -> list[Population]:
    """Returns the populations behind one or several keys, or the default for None."""
    if keys is None:
        return default
    listed = keys if isinstance(keys, Sequence) else [keys]
    return [get_underlying_pop(key) for key in listed]


def _names(populations: list[Population]) -> list[str]:
    return sorted(p.name for p in populations)
