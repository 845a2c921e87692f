"""EventProp: exact gradients of spiking networks from their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.compilers.output_rules import OutputRules
from ml_genn.compilers.training_compiler import Regularised, TrainingCompiler
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.initializers.value import as_value
from ml_genn.model.plan import Sensitivity
from ml_genn.model.spike_gradients import ExactGradient, SpikeGradient
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.synapses import Exponential
from ml_genn.utils.checks import not_negative, number, positive
from ml_genn.utils.choices import Choices

_FIRE = {"relative_reset": False, "integrate_during_refrac": False, "scale_i": True}

#: What `EventPropCompiler` chooses where an argument is left open: the step is then the
#: exact solution of the equations for an input that is constant in it.
default_params: dict[type, dict[str, Any]] = {
    LeakyIntegrate: {"scale_i": True},
    LeakyIntegrateFire: _FIRE,
    AdaptiveLeakyIntegrateFire: _FIRE,
    Exponential: {"scale_i": True},
}


class EventPropCompiler(TrainingCompiler):
    r"""Compiles networks that learn by EventProp.

    Between spikes the adjoint :math:`\lambda = dL/dx` of each neuron's state follows
    the transposed equations in reverse time; at each spike it jumps. A spike of neuron
    i that arrives at neuron j adds :math:`\lambda_{I,j}` to :math:`dL/dw_{ij}`.
    Gradients are those of the mean loss over the batch (Wunderlich & Pehle 2021;
    Nowotny et al. 2024). mlGeNN divides its gradients by the output's ``tau_mem`` (and
    by the number of steps for sum_var and max_var); ours are not.

    Args:
        example_timesteps: time steps of an example.
        losses: a loss or its name, or {output: loss}.
        optimiser: an optimiser or its name, "adam" by default.
        reg_lambda_upper, reg_lambda_lower: how strongly neurons that fire more, or
            less, than ``reg_nu_upper`` are pushed back; a number or {population:
            number}, 0 by default. In mlGeNN's units: each spike's adjoint of v gains
            ``tau_mem**2 * lambda * (mean spikes - nu) / batch``, the factor
            ``tau_mem**2`` being what mlGeNN's scaled gradients imply for avg_var. For
            sum_var and max_var multiply published strengths by the number of steps.
        reg_nu_upper: target spikes per neuron and example, 0 by default.
        max_spikes, strict_buffer_checking: kept for scripts written for mlGeNN; memory
            grows with the spikes there are.
        per_timestep_loss: whether cross-entropy is taken in every step (avg_var: mean
            over steps, sum_var: sum) instead of once per example; no by default.
        dt: time step [ms], 1 by default.
        ttfs_alpha: strength of the term ``alpha / (1.01 T - t)`` [ms] that draws the
            first spike of the right neuron forward, 0.01 by default.
        softmax_temperature: temperature of the softmax, 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of everything random, 0 by default.
        kernel_profiling: as for `Compiler`.
        communicator: how processes that train together talk; None (default) for one.
        delay_optimiser: learns delays; None (default) for ``optimiser``.
        delay_learn_conns: connections or layers whose delays are learned; they need
            ``max_delay_steps``; none by default. A delay is a real number between 0 and
            that, and a spike takes it rounded to whole steps.
        deep_r_conns: sparse connections or layers that Deep-R rewires (Bellec et al.
            2018): a weight that changes sign is removed, and a synapse with weight zero
            made between random neurons instead; none by default.
        deep_r_l1_strength: what Deep-R adds to the gradient of each weight, towards
            zero, 0.01 by default.
        deep_r_record_rewirings: {connection or layer: key}; `train` then returns, among
            what callbacks collected, a list over batches of (synapses replaced, draws
            in vain); None (default) for nothing.
        backend, num_threads: as for `Compiler`.
        **genn_kwargs: as for `Compiler`.
    """

    CHOICES: ClassVar[Choices] = default_params
    OUTPUTS: ClassVar[OutputRules] = OutputRules(
        frozenset({Sensitivity.VARIABLE, Sensitivity.SPIKE_TIME})
    )

    def __init__(
        self,
        example_timesteps: int,
        losses: Any,
        optimiser: Optimiser | str = "adam",
        reg_lambda_upper: Any = 0.0,
        reg_lambda_lower: Any = 0.0,
        reg_nu_upper: float = 0.0,
        max_spikes: int = 500,
        strict_buffer_checking: bool = False,
        per_timestep_loss: bool = False,
        dt: float = 1.0,
        ttfs_alpha: float = 0.01,
        softmax_temperature: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        communicator: Communicator | None = None,
        delay_optimiser: Optimiser | str | None = None,
        delay_learn_conns: Sequence[Any] = (),
        deep_r_conns: Sequence[Any] = (),
        deep_r_l1_strength: float = 0.01,
        deep_r_record_rewirings: Mapping[Any, Any] | None = None,
        **genn_kwargs: Any,
    ) -> None:
        super().__init__(
            example_timesteps,
            losses,
            optimiser,
            per_timestep_loss=per_timestep_loss,
            dt=dt,
            batch_size=batch_size,
            rng_seed=rng_seed,
            kernel_profiling=kernel_profiling,
            communicator=communicator,
            delay_optimiser=delay_optimiser,
            delay_learn_conns=delay_learn_conns,
            deep_r_conns=deep_r_conns,
            deep_r_l1_strength=deep_r_l1_strength,
            deep_r_record_rewirings=deep_r_record_rewirings,
            **genn_kwargs,
        )
        self.reg_lambda_upper = reg_lambda_upper
        self.reg_lambda_lower = reg_lambda_lower
        self.reg_nu_upper = not_negative(
            "EventPropCompiler: reg_nu_upper", reg_nu_upper
        )
        self.ttfs_alpha = number("EventPropCompiler: ttfs_alpha", ttfs_alpha)
        self.softmax_temperature = positive(
            "EventPropCompiler: softmax_temperature", softmax_temperature
        )

    def spike_gradient(self) -> SpikeGradient:
        """Spikes move in time."""
        return ExactGradient()

    def check_trained(self, population: Population) -> None:
        """Refuses neurons with a refractory period."""
        refuse_refractory(population)

    def loss_scalars(self) -> tuple[float, float]:
        """Temperature of the softmax, and strength of the pull on first spikes."""
        return (self.softmax_temperature, self.ttfs_alpha)

    def regularised(self, hidden: Sequence[Population]) -> Regularised:
        """{hidden population: (lower, upper strength, target)} where either is set."""
        upper = _strengths("reg_lambda_upper", self.reg_lambda_upper, hidden)
        lower = _strengths("reg_lambda_lower", self.reg_lambda_lower, hidden)
        result = {}
        for population in hidden:
            strengths = lower[population], upper[population]
            if any(strengths):
                factor = _squared_time_constant(population)
                result[population] = (
                    strengths[0] * factor,
                    strengths[1] * factor,
                    self.reg_nu_upper,
                )
        return result


def refuse_refractory(population: Population) -> None:
    """Refuses a refractory period, for which EventProp has no gradient."""
    if getattr(population.neuron, "tau_refrac", None) is not None:
        raise UnsupportedError(
            f"Population '{population.name}': EventProp has no gradient for a "
            "refractory period, since a spike at its end is no crossing of the "
            "threshold. Leave out tau_refrac, or use BPTTCompiler."
        )


def _strengths(
    name: str, given: Any, hidden: Sequence[Population]
) -> dict[Population, float]:
    """The regularisation strength of each hidden population."""
    where = f"EventPropCompiler: {name}"
    if not isinstance(given, Mapping):
        return dict.fromkeys(hidden, not_negative(where, given))
    strengths = dict.fromkeys(hidden, 0.0)
    for key, value in given.items():
        population = get_underlying_pop(key)
        if population not in strengths:
            raise ValidationError(
                f"{where}: '{population.name}' is no hidden population of this "
                f"network. Hidden populations: {sorted(p.name for p in hidden)}."
            )
        strengths[population] = not_negative(where, value)
    return strengths


def _squared_time_constant(population: Population) -> float:
    value = as_value("tau_mem", getattr(population.neuron, "tau_mem", 1.0))
    return float(np.mean(value)) ** 2 if isinstance(value, float | np.ndarray) else 1.0


__all__ = ["EventPropCompiler", "default_params"]
