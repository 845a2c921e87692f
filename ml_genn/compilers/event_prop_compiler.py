"""EventProp: exact gradients of spiking networks from their events."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.compilers.neuron_defaults import EXACT_STEP
from ml_genn.compilers.outputs import SupportedOutputs
from ml_genn.compilers.training_compiler import TrainingCompiler
from ml_genn.errors import TrainingWarning, ValidationError, stacklevel_of_user
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.graph.traversal import incoming
from ml_genn.initializers.value import as_value
from ml_genn.model.plan import Sensitivity
from ml_genn.model.rate_regularisation import RateRegularisation
from ml_genn.model.spike_gradients import ExactGradient, SpikeGradient
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.utils.checks import flag, not_negative, number, positive, whole
from ml_genn.utils.choices import Choices

#: Values of arguments that users leave open, under mlGeNN's name.
default_params: dict[type, dict[str, Any]] = EXACT_STEP


class EventPropCompiler(TrainingCompiler):
    r"""Compiler of networks that learn by EventProp (Wunderlich & Pehle 2021).

    Between spikes the adjoint :math:`\lambda = dL/dx` of each neuron's state follows
    the transposed equations in reverse time; at each spike it jumps. A spike of neuron
    i that arrives at neuron j adds :math:`\lambda_{I,j}` to :math:`dL/dw_{ij}`.
    Gradients are those of the mean loss over the batch. mlGeNN (Nowotny et al. 2024)
    divides them by the output's ``tau_mem`` (and by the number of steps for sum_var and
    max_var); this compiler does not.

    Args:
        example_timesteps: time steps of an example.
        losses: a loss or its name, or {output: loss}.
        optimiser: an optimiser or its name, "adam" by default.
        reg_lambda_upper, reg_lambda_lower: strengths of the regularisation of neurons
            that fire more, or less, than ``reg_nu_upper``; a number or {population:
            number}, 0 by default. In mlGeNN's units: each spike's adjoint of v gains
            ``tau_mem**2 * lambda * (mean spikes - nu) / batch``; the factor
            ``tau_mem**2`` follows from the scale of mlGeNN's gradients for avg_var. For
            sum_var and max_var multiply published strengths by the number of steps.
        reg_nu_upper: target spikes per neuron and example, 0 by default.
        max_spikes, strict_buffer_checking: accepted for scripts written for mlGeNN,
            without effect; memory grows with the number of spikes.
        per_timestep_loss: True if cross-entropy is computed in every step (avg_var:
            mean over steps, sum_var: sum) instead of once per example; False by
            default.
        dt: time step [ms], 1 by default.
        ttfs_alpha: strength of the penalty ``alpha / (1.01 T - t)`` [ms] on the time t
            of the label's first spike, 0.01 by default.
        softmax_temperature: temperature of the softmax, 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of all random numbers, 0 by default.
        kernel_profiling: as for `Compiler`.
        communicator: connects processes that train together; None (default) for one.
        delay_optimiser: optimiser of delays; None (default) for ``optimiser``.
        delay_learn_conns: connections or layers whose delays are learned; they need
            ``max_delay_steps``; none by default. A delay is a real number between 0 and
            ``max_delay_steps``; spikes are delayed by the nearest whole number of
            steps.
        deep_r_conns: sparse connections or layers that Deep-R rewires (Bellec et al.
            2018): a synapse whose weight changes sign is replaced by one of weight zero
            between random neurons; none by default.
        deep_r_l1_strength: strength of the L1 regularisation of rewired weights, 0.01
            by default.
        deep_r_record_rewirings: {connection or layer: key}; `train` then returns under
            this key, with the data of callbacks, a list over batches of (synapses
            replaced, draws that met an existing synapse); None (default) for nothing.
        backend, num_threads: as for `Compiler`.
        **genn_kwargs: as for `Compiler`.

    Raises:
        ValidationError: if an argument is out of its range.
    """

    CHOICES: ClassVar[Choices] = EXACT_STEP
    OUTPUTS: ClassVar[SupportedOutputs] = SupportedOutputs(
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
        backend: str | None = None,
        num_threads: int | None = None,
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
            backend=backend,
            num_threads=num_threads,
            **genn_kwargs,
        )
        _check_strengths("reg_lambda_upper", reg_lambda_upper)
        _check_strengths("reg_lambda_lower", reg_lambda_lower)
        whole("EventPropCompiler: max_spikes", max_spikes)
        flag("EventPropCompiler: strict_buffer_checking", strict_buffer_checking)
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
        """Returns the exact gradient by spike times."""
        return ExactGradient()

    def check_trained(self, population: Population) -> None:
        """Warns if only arrivals over delta synapses cause spikes of a population.

        No weight moves the time of such a spike.
        """
        deltas = [not c.synapse.equations().variables for c in incoming(population)]
        spikes = population.neuron.equations().threshold is not None
        if spikes and deltas and all(deltas):
            warnings.warn(
                f"Population '{population.name}': all spikes come with arrivals over "
                "delta synapses, so no weight moves them, and EventProp's gradient of "
                "the weights onto the population is zero. Use for example "
                "synapse=Exponential(5.0), or BPTTCompiler.",
                TrainingWarning,
                stacklevel=stacklevel_of_user(),
            )

    def rate_regularisation(
        self, hidden: Sequence[Population]
    ) -> Mapping[Population, RateRegularisation]:
        """Returns the strengths of populations for which one is not zero."""
        upper = _strengths("reg_lambda_upper", self.reg_lambda_upper, hidden)
        lower = _strengths("reg_lambda_lower", self.reg_lambda_lower, hidden)
        result = {}
        for population in hidden:
            if lower[population] or upper[population]:
                factor = _squared_time_constant(population)
                result[population] = RateRegularisation(
                    lower[population] * factor,
                    upper[population] * factor,
                    self.reg_nu_upper,
                )
        return result


def _check_strengths(name: str, strengths_of: Any) -> None:
    """Raises ValidationError for strengths that are no numbers of at least 0."""
    values = strengths_of.values() if isinstance(strengths_of, Mapping) else ()
    for value in values or (strengths_of,):
        not_negative(f"EventPropCompiler: {name}", value)


def _strengths(
    name: str, strengths_of: Any, hidden: Sequence[Population]
) -> dict[Population, float]:
    """Returns the regularisation strength of each hidden population.

    Args:
        name: name of the argument.
        strengths_of: its value, a number or {population: number}.
        hidden: hidden populations.
    """
    where = f"EventPropCompiler: {name}"
    if not isinstance(strengths_of, Mapping):
        return dict.fromkeys(hidden, not_negative(where, strengths_of))
    strengths = dict.fromkeys(hidden, 0.0)
    for key, value in strengths_of.items():
        population = get_underlying_pop(key)
        if population not in strengths:
            raise ValidationError(
                f"{where}: '{population.name}' is no hidden population of this "
                f"network. Hidden populations: {sorted(p.name for p in hidden)}."
            )
        strengths[population] = not_negative(where, value)
    return strengths


def _squared_time_constant(population: Population) -> float:
    """Returns tau_mem squared [ms^2], of the mean if neurons differ, else 1."""
    value = as_value("tau_mem", getattr(population.neuron, "tau_mem", 1.0))
    return float(np.mean(value)) ** 2 if isinstance(value, float | np.ndarray) else 1.0


__all__ = ["EventPropCompiler", "default_params"]
