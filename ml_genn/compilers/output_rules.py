"""Which loss may look at which readout of which neuron, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_genn.errors import UnsupportedError
from ml_genn.losses import Loss, MeanSquareError, SparseCategoricalCrossentropy
from ml_genn.model.plan import Loss as LossPlan
from ml_genn.model.plan import LossKind
from ml_genn.neurons import CodeNeuron
from ml_genn.population import Population
from ml_genn.readouts import (
    AvgVar,
    AvgVarExpWeight,
    FirstSpikeTime,
    MaxVar,
    SpikeCount,
    SumVar,
    Var,
)


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """An output population and its loss."""

    population: Population
    loss: Loss


#: {(loss, readout, spiking neuron, per time step): what the backend computes}
OutputRules = Mapping[tuple[type[Loss], type, bool, bool], LossPlan]

_CROSS_ENTROPY = LossPlan(LossKind.CROSS_ENTROPY)

#: Losses that look at the output variable of a neuron that does not spike.
VOLTAGE_RULES: OutputRules = {
    **{
        (SparseCategoricalCrossentropy, readout, False, False): _CROSS_ENTROPY
        for readout in (AvgVar, AvgVarExpWeight, MaxVar, SumVar, Var)
    },
    (SparseCategoricalCrossentropy, AvgVar, False, True): LossPlan(
        LossKind.CROSS_ENTROPY, per_step=True
    ),
    (SparseCategoricalCrossentropy, SumVar, False, True): LossPlan(
        LossKind.CROSS_ENTROPY, per_step=True, mean_over_steps=False
    ),
    **{
        (MeanSquareError, Var, False, per_step): LossPlan(
            LossKind.SQUARED_ERROR, per_step=True
        )
        for per_step in (False, True)
    },
}

_EVERY_STEP = LossPlan(LossKind.CROSS_ENTROPY, per_step=True, mean_over_steps=False)

#: Losses that look at the output variable in every step, whatever the readout.
STEP_RULES: OutputRules = {
    (loss, readout, False, per_step): plan
    for loss, plan in (
        (SparseCategoricalCrossentropy, _EVERY_STEP),
        (MeanSquareError, LossPlan(LossKind.SQUARED_ERROR, per_step=True)),
    )
    for readout in (AvgVar, AvgVarExpWeight, MaxVar, SumVar, Var)
    for per_step in (False, True)
}

#: Losses that look at the time of the first spike.
FIRST_SPIKE_RULES: OutputRules = {
    (SparseCategoricalCrossentropy, FirstSpikeTime, True, False): LossPlan(
        LossKind.CROSS_ENTROPY, first_spike=True
    ),
}

#: Losses that look at the number of spikes.
SPIKE_COUNT_RULES: OutputRules = {
    (SparseCategoricalCrossentropy, SpikeCount, True, False): _CROSS_ENTROPY,
}


def output_loss(
    output: Output, rules: OutputRules, per_timestep: bool, compiler: str
) -> LossPlan:
    """What the backend computes for an output.

    Raises:
        UnsupportedError: if there is no rule; it lists those that there are.
    """
    neuron = output.population.neuron
    spiking = not isinstance(neuron, CodeNeuron) and neuron.equations().threshold
    key = (type(output.loss), type(neuron.readout), bool(spiking), per_timestep)
    if key in rules:
        return rules[key]
    raise UnsupportedError(
        f"{compiler}: output '{output.population.name}': no rule for "
        f"{_described(*key)}. Supported: "
        f"{'; '.join(_described(*known) for known in rules)}."
    )


def _described(loss: type, readout: type, spiking: bool, per_timestep: bool) -> str:
    kind = "a spiking" if spiking else "a non-spiking"
    when = " per time step" if per_timestep else ""
    return f"{loss.__name__}{when} with {readout.__name__} of {kind} neuron"
