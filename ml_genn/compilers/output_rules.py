"""How a loss and a readout compose, and which learning rules have their gradient.

A loss says which readouts it can look at, by what they depend on; a readout what it
depends on, and how losses of single steps add up in its spirit; a learning rule what it
has gradients of. There is no table of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.errors import UnsupportedError
from ml_genn.losses import LOSSES, Loss
from ml_genn.model.plan import Loss as LossPlan
from ml_genn.model.plan import Sensitivity
from ml_genn.neurons import CodeNeuron
from ml_genn.population import Population
from ml_genn.readouts import Readout, Var, default_readouts


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """An output population and its loss."""

    population: Population
    loss: Loss


@dataclass(frozen=True, slots=True)
class OutputRules:
    """What a learning rule has gradients of.

    Args:
        readouts: by what readouts depend on.
        every_step: whether losses look at the output variable in every step, whatever
            the readout.
    """

    readouts: frozenset[Sensitivity]
    every_step: bool = False


def composed(
    loss: type[Loss], readout: type[Readout], rules: OutputRules, per_timestep: bool
) -> LossPlan | None:
    """What the backend computes for a loss of a readout; None if it cannot be had."""
    looks_at = readout.PLAN.sensitivity
    if looks_at not in loss.READOUTS & rules.readouts:
        return None
    if rules.every_step:
        return LossPlan(loss.FORMULA, per_step=True, mean_over_steps=loss.TRAJECTORIES)
    if loss.TRAJECTORIES and readout is Var:
        return LossPlan(loss.FORMULA, per_step=True)
    if not per_timestep:
        return LossPlan(loss.FORMULA, first_spike=looks_at is Sensitivity.SPIKE_TIME)
    if readout.MEAN_OVER_STEPS is None:
        return None
    return LossPlan(
        loss.FORMULA, per_step=True, mean_over_steps=readout.MEAN_OVER_STEPS
    )


def output_loss(
    output: Output, rules: OutputRules, per_timestep: bool, compiler: str
) -> LossPlan:
    """What the backend computes for an output.

    Raises:
        UnsupportedError: if it cannot be had; it lists what can.
    """
    neuron = output.population.neuron
    spiking = not isinstance(neuron, CodeNeuron) and bool(neuron.equations().threshold)
    loss, readout = type(output.loss), type(neuron.readout)
    found = None
    if issubclass(readout, Readout) and spiking == _spikes(readout):
        found = composed(loss, readout, rules, per_timestep)
    if found is not None:
        return found
    raise UnsupportedError(
        f"{compiler}: output '{output.population.name}': no rule for "
        f"{_described(loss, readout, spiking, per_timestep)}. Supported: "
        f"{'; '.join(_supported(rules))}."
    )


def _spikes(readout: type[Readout]) -> bool:
    """Whether a readout looks at spikes."""
    return readout.PLAN.sensitivity is not Sensitivity.VARIABLE


def _supported(rules: OutputRules) -> list[str]:
    """All that can be had; what is the same per time step is listed once."""
    found = {}
    for loss in LOSSES:
        for readout in default_readouts.values():
            for per_timestep in (True, False):
                plan = composed(loss, readout, rules, per_timestep)
                spiking = _spikes(readout)
                if plan:
                    found[loss, readout, plan] = _described(
                        loss, readout, spiking, per_timestep
                    )
    return list(found.values())


def _described(loss: type, readout: type, spiking: bool, per_timestep: bool) -> str:
    kind = "a spiking" if spiking else "a non-spiking"
    when = " per time step" if per_timestep else ""
    return f"{loss.__name__}{when} with {readout.__name__} of {kind} neuron"
