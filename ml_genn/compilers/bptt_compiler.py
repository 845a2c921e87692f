"""Backpropagation through time with surrogate gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ml_genn.communicators import Communicator
from ml_genn.compilers.learned import Optimisers
from ml_genn.compilers.neuron_defaults import EXACT_STEP
from ml_genn.compilers.outputs import SupportedOutputs
from ml_genn.compilers.training_compiler import TrainingCompiler
from ml_genn.losses import Loss
from ml_genn.lowering import Training
from ml_genn.model.plan import Sensitivity
from ml_genn.model.spike_gradients import SpikeGradient, SurrogateGradient
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.surrogates import get_surrogate
from ml_genn.utils.checks import flag, items, one_of, positive, text
from ml_genn.utils.choices import Choices


class BPTTCompiler(TrainingCompiler):
    r"""Compiler of networks that learn by backpropagation through time.

    The discrete steps of the forward pass are differentiated; a spike
    :math:`s = \Theta(u)` with :math:`u = v - v_{thresh}` has the surrogate derivative
    :math:`\psi(u)` (Neftci, Mostafa & Zenke 2019). With a backward threshold, neurons
    with :math:`|u| \ge B_{th}` take no part in the backward pass of a step (sparse
    spiking gradient descent, Perez-Nieves & Goodman 2021): nothing is computed or
    recorded for them, so time and memory follow activity. Gradients are those of the
    mean loss over the batch.

    Args:
        example_timesteps: time steps of an example.
        losses: a loss or its name, or {output: loss}.
        optimiser: an optimiser or its name, "adam" by default.
        surrogate: a surrogate, its name ("fast_sigmoid" by default, "triangle",
            "boxcar", "arctan", "exponential"), or an expression over ``u``, as a string
            or in SymPy.
        reset_gradient: True if the gradient also passes through the reset of the output
            variable (v of built-in neurons); False by default. It passes through the
            jumps of all other variables, such as the adaptation of ALIF neurons, as in
            Bellec et al. (2018, 2020).
        detach: name, or names, of variables through whose jump at a spike no gradient
            passes; none by default.
        backward_threshold: B_th, in units of v; None (default): all neurons whose
            surrogate derivative is not zero.
        per_timestep_loss: True if cross-entropy is computed in every step; False by
            default.
        softmax_temperature: temperature of the softmax, 1 by default.
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of all random numbers, 0 by default.
        kernel_profiling: as for `Compiler`.
        communicator: connects processes that train together; None (default) for one.
        delay_optimiser, delay_learn_conns: as for `EventPropCompiler`. The gradient is
            that of linear interpolation: a delay between two whole steps splits its
            spike between both.
        deep_r_conns, deep_r_l1_strength, deep_r_record_rewirings: as for
            `EventPropCompiler`.
        backend, num_threads: as for `Compiler`.
        **genn_kwargs: as for `Compiler`.

    Raises:
        ValidationError: if an argument is out of its range. `compile` raises
            UnknownNameError if no trained neuron has a variable of ``detach``.
    """

    CHOICES: ClassVar[Choices] = EXACT_STEP
    OUTPUTS: ClassVar[SupportedOutputs] = SupportedOutputs(
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
        detach: str | Sequence[str] = (),
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
        self.surrogate = get_surrogate(surrogate)
        self.reset_gradient = flag("BPTTCompiler: reset_gradient", reset_gradient)
        self.detach = _names("BPTTCompiler: detach", detach)
        self.backward_threshold = backward_threshold
        if backward_threshold is not None:
            self.backward_threshold = positive(
                "BPTTCompiler: backward_threshold", backward_threshold
            )
        self.softmax_temperature = positive(
            "BPTTCompiler: softmax_temperature", softmax_temperature
        )

    def spike_gradient(self) -> SpikeGradient:
        """Returns the surrogate's derivative, restricted to active neurons."""
        conditions = []
        if self.surrogate.support() is not None:
            conditions.append(f"({self.surrogate.support()})")
        if self.backward_threshold is not None:
            conditions.append("(abs(u) < backward_threshold)")
        return SurrogateGradient(
            surrogate_derivative=self.surrogate.derivative(),
            condition=" and ".join(conditions) or None,
            reset_gradient=self.reset_gradient,
            detached=self.detach,
        )

    def rule_parameters(self, losses: Mapping[Population, Loss]) -> dict[str, float]:
        """Returns parameters of the surrogate, and the backward threshold."""
        parameters = self.surrogate.parameters()
        if self.backward_threshold is not None:
            parameters["backward_threshold"] = self.backward_threshold
        return parameters

    def _training(
        self,
        network: Network,
        losses: Mapping[Population, Loss],
        optimisers: Optimisers | None,
    ) -> Training:
        """Returns the trained parts of a network; variables of ``detach`` exist."""
        training = super()._training(network, losses, optimisers)
        jumping = {
            variable.name
            for population in training.populations
            if not isinstance(population.neuron, Input)
            for variable in population.neuron.equations().variables
            if variable.jump is not None
        }
        for name in self.detach:
            one_of("BPTTCompiler: detach", name, "variable with a jump", jumping)
        return training


def _names(where: str, value: Any) -> tuple[str, ...]:
    """Returns one or several names as a sorted tuple without repetitions."""
    names = [value] if isinstance(value, str) else items(where, value)
    return tuple(sorted({text(where, name) for name in names}))
