"""e-prop: gradients from eligibility traces and learning signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.compilers import Feedback, TrainingCompiler
from ml_genn.compilers.outputs import SupportedOutputs
from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError
from ml_genn.graph.traversal import incoming, outgoing
from ml_genn.losses import Loss
from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.model.plan import Sensitivity
from ml_genn.model.spike_gradients import (
    SpikeGradient,
    SurrogateGradient,
)
from ml_genn.network import Network
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.synapses import Delta
from ml_genn.utils.checks import flag, not_negative, number, one_of, positive
from ml_genn.utils.choices import Choices

_SPIKING = {"relative_reset": True, "integrate_during_refrac": True, "scale_i": False}

#: Values of arguments that users leave open, as in Bellec et al. (2020).
default_params: dict[type, dict[str, Any]] = {
    LeakyIntegrate: {"scale_i": False},
    LeakyIntegrateFire: _SPIKING,
    AdaptiveLeakyIntegrateFire: _SPIKING,
}

#: Bellec et al. (2020), with the dampening factor 0.3; ``u`` is v - v_thresh.
PSEUDO_DERIVATIVE = (
    "0.3 / v_thresh * where(abs(u) < v_thresh, 1 - abs(u) / v_thresh, 0)"
)
MODES = ("event_driven", "online")
RATE = "firing_rate"  #: running mean of a neuron's spikes per step
FEEDBACK = ("symmetric", "random", "adaptive")
TRAINED = (LeakyIntegrate, LeakyIntegrateFire, AdaptiveLeakyIntegrateFire)


class EPropCompiler(TrainingCompiler):
    r"""Compiler of networks that learn by e-prop (Bellec et al. 2020).

    A hidden neuron j receives the learning signal :math:`L_j = \sum_k w_{jk} E_k` from
    the outputs' errors, filtered as the outputs filter spikes. No gradient passes
    between hidden neurons; the eligibility trace :math:`e_{ij}` holds the effect of a
    weight on its own neuron:

    .. math::
        \psi_j = \frac{0.3}{v_{thresh}}
            \max\left(0, 1 - \left|\frac{v_j - v_{thresh,j}}{v_{thresh}}\right|\right),
        \qquad \frac{dL}{dw_{ij}} = \sum_t e_{ij} (L_j + c_{reg} (F_j - f^*))

    The sum over time is computed in reverse time per neuron instead of forward per
    synapse, which gives the same numbers at the cost of one pass over the spikes; with
    ``mode="online"`` this is done in blocks of time steps, and eligibility traces are
    propagated from block to block. Gradients are means over the batch (mlGeNN's are
    sums).

    Losses compare the output in every step: cross-entropy is summed over steps, mean
    square error is a mean over steps and outputs. ``c_reg`` is relative to mlGeNN's
    errors, softmax - one-hot and v - y*; where a mean makes the error smaller,
    ``c_reg`` is scaled by the same factor.

    e-prop is defined for LeakyIntegrateFire and AdaptiveLeakyIntegrateFire neurons,
    LeakyIntegrate outputs and delta synapses; other neurons, other synapses and learned
    delays are refused.

    Args:
        example_timesteps: time steps of an example.
        losses: a loss or its name, or {output: loss}.
        optimiser: an optimiser or its name, "adam" by default.
        tau_reg: time constant of the running firing rate F [ms], 500 by default.
        c_reg: strength of firing-rate regularisation, 0.001 by default.
        f_target: target firing rate [Hz], 10 by default.
        train_output_bias: True (default) if the outputs' bias is learned.
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of all random numbers, 0 by default.
        kernel_profiling: as for `Compiler`.
        reset_time_between_batches: time starts at 0 in each batch; only True is
            supported.
        communicator: connects processes that train together; None (default) for one.
        deep_r_conns, deep_r_l1_strength, deep_r_record_rewirings: as for
            `EventPropCompiler`.
        feedback: weights through which errors reach hidden populations: "symmetric"
            (default), the weights to the outputs; "random", fixed random weights;
            "adaptive", weights that start at random and receive the same updates as the
            weights to the outputs, so that both converge.
        feedback_decay: with "adaptive", fraction that weights to outputs and feedback
            weights lose with each update, 0.001 by default; the decay lets them
            converge (Kolen & Pollack 1994).
        mode: "event_driven" (default) runs a backward pass at the end of an example;
            "online" carries eligibility traces forward, so that memory does not grow
            with the number of steps. The gradients are the same.
        backend, num_threads: as for `Compiler`.
        **genn_kwargs: as for `Compiler`.

    Raises:
        ValidationError: if an argument is out of its range.
        UnknownNameError: if a feedback or mode is not known.
    """

    CHOICES: ClassVar[Choices] = default_params
    OUTPUTS: ClassVar[SupportedOutputs] = SupportedOutputs(
        frozenset({Sensitivity.VARIABLE}), every_step=True
    )
    LEARNS_DELAYS: ClassVar[bool] = False

    def __init__(
        self,
        example_timesteps: int,
        losses: Any,
        optimiser: Optimiser | str = "adam",
        tau_reg: float = 500.0,
        c_reg: float = 0.001,
        f_target: float = 10.0,
        train_output_bias: bool = True,
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        reset_time_between_batches: bool = True,
        communicator: Communicator | None = None,
        deep_r_conns: Sequence[Any] = (),
        deep_r_l1_strength: float = 0.01,
        deep_r_record_rewirings: Mapping[Any, Any] | None = None,
        feedback: str = "symmetric",
        feedback_decay: float = 0.001,
        mode: str = "event_driven",
        backend: str | None = None,
        num_threads: int | None = None,
        **genn_kwargs: Any,
    ) -> None:
        super().__init__(
            example_timesteps,
            losses,
            optimiser,
            dt=dt,
            batch_size=batch_size,
            rng_seed=rng_seed,
            kernel_profiling=kernel_profiling,
            communicator=communicator,
            deep_r_conns=deep_r_conns,
            deep_r_l1_strength=deep_r_l1_strength,
            deep_r_record_rewirings=deep_r_record_rewirings,
            backend=backend,
            num_threads=num_threads,
            **genn_kwargs,
        )
        self._check_time(reset_time_between_batches)
        self.feedback_kind = one_of(
            "EPropCompiler: feedback", feedback, "feedback", FEEDBACK
        )
        self.feedback_decay = not_negative(
            "EPropCompiler: feedback_decay", feedback_decay
        )
        self.online = one_of("EPropCompiler: mode", mode, "mode", MODES) == "online"
        self.tau_reg = positive("EPropCompiler: tau_reg", tau_reg)
        self.c_reg = number("EPropCompiler: c_reg", c_reg)
        self.f_target = number("EPropCompiler: f_target", f_target)
        self.train_output_bias = flag(
            "EPropCompiler: train_output_bias", train_output_bias
        )

    def spike_gradient(self) -> SpikeGradient:
        """Returns the pseudo-derivative; gradients follow adaptation, not v's reset."""
        return SurrogateGradient(
            surrogate_derivative=PSEUDO_DERIVATIVE,
            condition="abs(u) < v_thresh" if self.online else None,
            learning_signal=f"c_reg * ({RATE} - f_target)" if self.c_reg else None,
        )

    def rule_parameters(self, losses: Mapping[Population, Loss]) -> dict[str, float]:
        """Returns the regulariser's parameters, the target rate in spikes per step."""
        scales = [self._error_scale(p, loss) for p, loss in losses.items()]
        return {
            "c_reg": self.c_reg * sum(scales) / len(scales),
            "f_target": self.f_target * self.dt / 1000.0,
            "tau_reg": self.tau_reg,
        }

    def _error_scale(self, population: Population, loss: Loss) -> float:
        """Returns dL/dy of one step and an error of 1; that of mlGeNN is 1.

        mlGeNN adds errors up over steps and outputs, where losses of values are means.
        """
        if not loss.TRAJECTORIES:
            return 1.0
        _, grad = loss.FORMULA.numpy(np.ones(1), np.zeros(1), 1.0)
        return float(grad[0]) / (len(self.steps_of(population)) * population.size)

    def extended_equations(self, equations: NeuronEquations) -> NeuronEquations:
        """Returns the equations with the running firing rate, for spiking neurons."""
        if equations.threshold is None or not self.c_reg:
            return equations
        rate = Variable(
            RATE, f"-{RATE} / tau_reg", f"{RATE} + (1 - exp(-dt / tau_reg))"
        )
        return replace(equations, variables=(*equations.variables, rate))

    def check_trained(self, population: Population) -> None:
        """Raises UnsupportedError if e-prop is not defined for a population."""
        where = f"EPropCompiler: population '{population.name}'"
        if type(population.neuron) not in TRAINED:
            raise UnsupportedError(
                f"{where}: e-prop is defined for LeakyIntegrateFire, "
                "AdaptiveLeakyIntegrateFire and LeakyIntegrate outputs. Received "
                f"{type(population.neuron).__name__}. BPTTCompiler trains any neuron "
                "given as equations."
            )
        for connection in incoming(population):
            if not isinstance(connection.synapse, Delta):
                raise UnsupportedError(
                    f"{where}: e-prop is defined for delta synapses. Connection "
                    f"'{connection.name}' has {connection.synapse!r}; leave the "
                    "synapse out."
                )
        symmetric = self.feedback_kind == "symmetric"
        hidden = population.neuron.readout is None
        if symmetric and hidden and not _to_outputs(population):
            raise UnsupportedError(
                f"{where} has no connection to an output, so no symmetric feedback "
                "reaches it. Connect it to an output, or use feedback='random'."
            )

    def backpropagates(self, connection: Connection) -> bool:
        """Returns True for connections to outputs, with symmetric feedback."""
        to_output = connection.ends()[1].neuron.readout is not None
        return to_output and self.feedback_kind == "symmetric"

    def feedback(
        self, hidden: Sequence[Population], outputs: Sequence[Population]
    ) -> tuple[Feedback, ...]:
        """Returns weights from outputs to hidden populations, unless symmetric."""
        if self.feedback_kind == "symmetric":
            return ()
        return tuple(
            Feedback(
                p, output, self._feedback_optimiser(p, output), self.feedback_decay
            )
            for p in hidden
            for output in outputs
        )

    def _feedback_optimiser(
        self, hidden: Population, output: Population
    ) -> Optimiser | None:
        """Returns the optimiser of adaptive weights, if forward weights exist."""
        connected = any(c.ends()[1] is output for c in _to_outputs(hidden))
        adaptive = self.feedback_kind == "adaptive"
        return self.optimiser if adaptive and connected else None

    def weight_decay(self, network: Network) -> Mapping[Connection, float]:
        """Returns the decay of weights to outputs, with adaptive feedback."""
        if self.feedback_kind != "adaptive":
            return {}
        to_outputs = [c for p in network.populations for c in _to_outputs(p)]
        return dict.fromkeys(to_outputs, self.feedback_decay)

    def learned_parameters(
        self, outputs: Sequence[Population]
    ) -> Mapping[tuple[Population, str], Optimiser]:
        """Returns the outputs' bias, one value per neuron."""
        if not self.train_output_bias:
            return {}
        return {(p, "bias"): self.optimiser for p in outputs}


def _to_outputs(population: Population) -> list[Connection]:
    """Returns the connections from a population to outputs."""
    return [c for c in outgoing(population) if c.ends()[1].neuron.readout is not None]
