"""Losses and readouts that compose under a learning rule.

A loss lists the readouts it is defined for, by what they depend on. A readout says what
it depends on and how losses of single time steps are reduced. A learning rule says what
it has gradients of. Their composition needs no table of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.errors import UnsupportedError, ValidationError
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
class SupportedOutputs:
    """Outputs that a learning rule has gradients of.

    Args:
        readouts: supported readouts, by what they depend on.
        every_step: True if losses compare the output variable in every step, whatever
            the readout; False by default.
    """

    readouts: frozenset[Sensitivity]
    every_step: bool = False


def composed(
    loss: type[Loss],
    readout: type[Readout],
    supported: SupportedOutputs,
    per_timestep: bool,
) -> LossPlan | None:
    """Returns the loss of a readout as backends compute it; None if not supported.

    Args:
        loss, readout: the classes.
        supported: outputs that the learning rule has gradients of.
        per_timestep: True if the user asked for a loss in every time step.
    """
    sensitivity = readout.PLAN.sensitivity
    if sensitivity not in loss.READOUTS & supported.readouts:
        return None
    if supported.every_step:
        return LossPlan(loss.FORMULA, per_step=True, mean_over_steps=loss.TRAJECTORIES)
    if loss.TRAJECTORIES and readout is Var:
        return LossPlan(loss.FORMULA, per_step=True)
    if not per_timestep:
        return LossPlan(loss.FORMULA, first_spike=sensitivity is Sensitivity.SPIKE_TIME)
    if readout.MEAN_OVER_STEPS is None:
        return None
    return LossPlan(
        loss.FORMULA, per_step=True, mean_over_steps=readout.MEAN_OVER_STEPS
    )


def output_loss(
    output: Output, supported: SupportedOutputs, per_timestep: bool, compiler: str
) -> LossPlan:
    """Returns the loss of an output as backends compute it.

    Args:
        output: the population and its loss.
        supported, per_timestep: as for `composed`.
        compiler: start of error messages.

    Raises:
        UnsupportedError: if the rule has no gradient of it; it lists what has one.
        ValidationError: if the population has too few neurons for the loss.
    """
    _check_size(output, compiler)
    neuron = output.population.neuron
    spiking = not isinstance(neuron, CodeNeuron) and bool(neuron.equations().threshold)
    loss, readout = type(output.loss), type(neuron.readout)
    plan = None
    if issubclass(readout, Readout) and spiking == _depends_on_spikes(readout):
        plan = composed(loss, readout, supported, per_timestep)
    if plan is not None:
        return plan
    raise UnsupportedError(
        f"{compiler}: output '{output.population.name}': no rule for "
        f"{_described(loss, readout, spiking, per_timestep)}. Supported: "
        f"{'; '.join(_descriptions(supported))}."
    )


def _check_size(output: Output, compiler: str) -> None:
    """Raises an error if a loss is the same whatever the output neurons do."""
    size, least = output.population.size, output.loss.LEAST_NEURONS
    if size < least:
        raise ValidationError(
            f"{compiler}: output '{output.population.name}': "
            f"{type(output.loss).__name__} needs at least {least} neurons, one for "
            "each class: of a single one, the softmax is always 1. Received "
            f"{size}. Use two neurons for two classes, or the loss "
            "'mean_square_error' for a value."
        )


def _depends_on_spikes(readout: type[Readout]) -> bool:
    return readout.PLAN.sensitivity is not Sensitivity.VARIABLE


def _descriptions(supported: SupportedOutputs) -> list[str]:
    """Returns descriptions of all supported outputs.

    A loss that is the same with and without ``per_timestep_loss`` is listed once.
    """
    descriptions = {}
    for loss in LOSSES:
        for readout in default_readouts.values():
            for per_timestep in (True, False):
                plan = composed(loss, readout, supported, per_timestep)
                spiking = _depends_on_spikes(readout)
                if plan:
                    descriptions[loss, readout, plan] = _described(
                        loss, readout, spiking, per_timestep
                    )
    return list(descriptions.values())


def _described(loss: type, readout: type, spiking: bool, per_timestep: bool) -> str:
    kind = "a spiking" if spiking else "a non-spiking"
    when = " per time step" if per_timestep else ""
    return f"{loss.__name__}{when} with {readout.__name__} of {kind} neuron"
