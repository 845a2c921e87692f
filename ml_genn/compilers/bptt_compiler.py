"""Backpropagation through time with surrogate gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ml_genn.communicators import Communicator
from ml_genn.compilers.event_prop_compiler import default_params
from ml_genn.compilers.output_rules import OutputRules
from ml_genn.compilers.training_compiler import TrainingCompiler
from ml_genn.losses import Loss
from ml_genn.model.plan import Sensitivity
from ml_genn.model.spike_gradients import (
    ResetGradient,
    SpikeGradient,
    SurrogateGradient,
)
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.surrogates import get_surrogate
from ml_genn.utils.checks import positive
from ml_genn.utils.choices import Choices


class BPTTCompiler(TrainingCompiler):
    r"""Compiles networks that learn by backpropagation through time.

    The discrete steps that ran are differentiated exactly; a spike
    :math:`s = H(u)` with :math:`u = v - v_{thresh}` is given the surrogate slope
    :math:`\psi(u)` (Neftci et al. 2019). With a backward threshold, neurons with
    :math:`|u| \ge B_{th}` are left out of the backward pass (sparse spiking gradient
    descent, Perez-Nieves & Goodman 2021): nothing is computed or kept for them, so time
    and memory follow activity.

    Args:
        example_timesteps: time steps of an example.
        losses: a loss or its name, or {output: loss}.
        optimiser: an optimiser or its name, "adam" by default.
        surrogate: a surrogate, its name ("fast_sigmoid" by default, "triangle",
            "boxcar", "arctan", "exponential"), or an expression over ``u``, as a string
            or in SymPy.
        reset_gradient: whether the gradient follows the reset; no by default.
        backward_threshold: B_th; None (default): all neurons whose slope is not zero.
        per_timestep_loss: whether cross-entropy is taken in every step; no by default.
        softmax_temperature: temperature of the softmax, 1 by default.
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of everything random, 0 by default.
        kernel_profiling: as for `Compiler`.
        communicator: how processes that train together talk; None (default) for one.
        delay_optimiser, delay_learn_conns: as for `EventPropCompiler`. The gradient is
            that of a delay between two steps whose spike is shared between both, in
            proportion.
        deep_r_conns, deep_r_l1_strength, deep_r_record_rewirings: as for
            `EventPropCompiler`.
        backend, num_threads: as for `Compiler`.
        **genn_kwargs: as for `Compiler`.
    """

    CHOICES: ClassVar[Choices] = default_params
    OUTPUTS: ClassVar[OutputRules] = OutputRules(
        frozenset({Sensitivity.VARIABLE, Sensitivity.SPIKES})
    )

    def __init__(
        self,
        example_timesteps: int,
        losses: Any,
        optimiser: Optimiser | str = "adam",
        surrogate: Any = "fast_sigmoid",
        reset_gradient: bool = False,
        backward_threshold: float | None = None,
        per_timestep_loss: bool = False,
        softmax_temperature: float = 1.0,
        dt: float = 1.0,
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
        self.surrogate = get_surrogate(surrogate)
        self.reset_gradient = reset_gradient
        self.backward_threshold = backward_threshold
        if backward_threshold is not None:
            positive("BPTTCompiler: backward_threshold", backward_threshold)
        self.softmax_temperature = positive(
            "BPTTCompiler: softmax_temperature", softmax_temperature
        )

    def spike_gradient(self) -> SpikeGradient:
        """Spikes have a surrogate slope where a neuron is active."""
        conditions = []
        if self.surrogate.support() is not None:
            conditions.append(f"({self.surrogate.support()})")
        if self.backward_threshold is not None:
            conditions.append("(abs(u) < backward_threshold)")
        return SurrogateGradient(
            surrogate_derivative=self.surrogate.derivative(),
            condition=" and ".join(conditions) or None,
            reset_gradient=(
                ResetGradient.ALL if self.reset_gradient else ResetGradient.NONE
            ),
        )

    def rule_parameters(self, losses: Mapping[Population, Loss]) -> dict[str, float]:
        """Numbers that the surrogate and the threshold are given."""
        numbers = self.surrogate.parameters()
        if self.backward_threshold is not None:
            numbers["backward_threshold"] = self.backward_threshold
        return numbers

    def loss_scalars(self) -> tuple[float, float]:
        """Temperature of the softmax; first spikes have no gradient here."""
        return (self.softmax_temperature, 0.0)
