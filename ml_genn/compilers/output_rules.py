"""Which loss may look at which readout of which neuron, and how."""

from __future__ import annotations

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
    SumVar,
    Var,
)


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """An output population and its loss."""

    population: Population
    loss: Loss


_CROSS_ENTROPY = LossPlan(LossKind.CROSS_ENTROPY)

#: {(loss, readout, spiking neuron, per time step): what the backend computes}
RULES: dict[tuple[type[Loss], type, bool, bool], LossPlan] = {
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
    (SparseCategoricalCrossentropy, FirstSpikeTime, True, False): LossPlan(
        LossKind.CROSS_ENTROPY, first_spike=True
    ),
    **{
        (MeanSquareError, Var, False, per_step): LossPlan(
            LossKind.SQUARED_ERROR, per_step=True
        )
        for per_step in (False, True)
    },
}


def event_prop_loss(output: Output, per_timestep: bool) -> LossPlan:
    """What the backend computes for an output under EventProp.

    Raises:
        UnsupportedError: if there is no rule; it lists those that there are.
    """
    neuron = output.population.neuron
    spiking = not isinstance(neuron, CodeNeuron) and neuron.equations().threshold
    key = (type(output.loss), type(neuron.readout), bool(spiking), per_timestep)
    if key in RULES:
        return RULES[key]
    raise UnsupportedError(
        f"EventPropCompiler: output '{output.population.name}': no rule for "
        f"{_described(*key)}. Supported: "
        f"{'; '.join(_described(*known) for known in RULES)}."
    )


def _described(loss: type, readout: type, spiking: bool, per_timestep: bool) -> str:
    kind = "a spiking" if spiking else "a non-spiking"
    when = " per time step" if per_timestep else ""
    return f"{loss.__name__}{when} with {readout.__name__} of {kind} neuron"
