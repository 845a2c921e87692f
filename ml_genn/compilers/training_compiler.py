"""What compilers of all learning rules share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ml_genn.callbacks import RewiringRecorder
from ml_genn.compiled.training import CompiledTrainingNetwork
from ml_genn.compilers.compiler import Compiler
from ml_genn.compilers.learned import what_is_learned
from ml_genn.compilers.output_rules import Output, OutputRules, output_loss
from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.graph.graph import get_underlying_conn, get_underlying_pop
from ml_genn.losses import Loss, default_losses
from ml_genn.lowering import Feedback, Training, check_network, lower
from ml_genn.model.equations import NeuronEquations
from ml_genn.model.spike_gradients import SpikeGradient
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.optimisers import Optimiser, default_optimisers
from ml_genn.population import Population
from ml_genn.utils.checks import not_negative, whole
from ml_genn.utils.choices import Choices
from ml_genn.utils.module import get_object, get_object_mapping

Regularised = Mapping[Population, tuple[float, float, float]]


class TrainingCompiler(Compiler):
    """Compiles networks that learn; a rule says how it treats spikes.

    Args:
        example_timesteps: time steps of an example.
        losses: a loss or its name, or {output: loss}.
        optimiser: an optimiser or its name, "adam" by default.
        per_timestep_loss: whether cross-entropy is taken in every step; no by default.
        delay_optimiser: learns delays; None (default) for ``optimiser``.
        delay_learn_conns: connections or layers whose delays are learned, none by
            default; one need not be in a list.
        deep_r_conns: sparse connections or layers that Deep-R rewires; likewise.
        deep_r_l1_strength: what Deep-R adds to the gradient of each weight, towards
            zero, 0.01 by default.
        deep_r_record_rewirings: {connection or layer: key of what was rewired among
            what `train` returns}; None (default) for nothing.
        **kwargs: as for `Compiler`.

    Raises:
        ValidationError: if an argument is out of its range.
    """

    #: what is chosen where an argument is left open
    CHOICES: ClassVar[Choices]
    #: which losses may look at which readouts
    OUTPUTS: ClassVar[OutputRules]
    #: whether the rule has a gradient for delays
    LEARNS_DELAYS: ClassVar[bool] = True
    #: whether gradients are taken while the network runs
    online: bool = False

    def __init__(
        self,
        example_timesteps: int,
        losses: Any,
        optimiser: Optimiser | str = "adam",
        *,
        per_timestep_loss: bool = False,
        delay_optimiser: Optimiser | str | None = None,
        delay_learn_conns: Sequence[Any] = (),
        deep_r_conns: Sequence[Any] = (),
        deep_r_l1_strength: float = 0.01,
        deep_r_record_rewirings: Mapping[Any, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.example_timesteps = whole(f"{name}: example_timesteps", example_timesteps)
        self.losses = losses
        self.per_timestep_loss = per_timestep_loss
        found = get_object(optimiser, Optimiser, "Optimiser", default_optimisers)
        if found is None:
            raise ValidationError(f"{name}: an optimiser is needed. Received None.")
        self.optimiser = found
        self.delay_optimiser = get_object(
            delay_optimiser, Optimiser, "Optimiser", default_optimisers
        )
        self.delay_learn_conns = _connections(delay_learn_conns)
        self.deep_r_conns = _connections(deep_r_conns)
        self.deep_r_l1_strength = not_negative(
            f"{name}: deep_r_l1_strength", deep_r_l1_strength
        )
        recorded = deep_r_record_rewirings or {}
        self.deep_r_record_rewirings = {
            get_underlying_conn(c): key for c, key in recorded.items()
        }

    @abstractmethod
    def spike_gradient(self) -> SpikeGradient:
        """How the backward pass treats spikes."""

    def rule_parameters(self, losses: Mapping[Population, Loss]) -> dict[str, float]:
        """Numbers that the rule's expressions mention.

        Args:
            losses: {output: loss}.
        """
        return {}

    def check_trained(self, population: Population) -> None:
        """Refuses a population that the rule has no gradient for."""

    def regularised(self, hidden: Sequence[Population]) -> Regularised:
        """{hidden population: (lower, upper strength, target spikes)}."""
        return {}

    def loss_scalars(self) -> tuple[float, float]:
        """Temperature of the softmax, and strength of the pull on first spikes."""
        return (1.0, 0.0)

    def feeds_back(self, connection: Connection) -> bool:
        """Whether the loss flows back through a connection of trained populations."""
        return True

    def feedback(
        self, hidden: Sequence[Population], outputs: Sequence[Population]
    ) -> tuple[Feedback, ...]:
        """Weights of their own through which the loss reaches hidden populations.

        Args:
            hidden: populations that learn and are no outputs.
            outputs: populations with a loss.
        """
        return ()

    def decay(self, network: Network) -> Mapping[Connection, float]:
        """{connection: share that its weights lose with each update}.

        Args:
            network: the network.
        """
        return {}

    def equations(self, equations: NeuronEquations) -> NeuronEquations:
        """The equations of a trained neuron with what the rule adds to them."""
        return equations

    def learned_parameters(
        self, outputs: Sequence[Population]
    ) -> Mapping[tuple[Population, str], Optimiser]:
        """Parameters that the rule learns, for each neuron, without being asked.

        Args:
            outputs: populations with a loss.
        """
        return {}

    def compile(
        self,
        network: Network,
        name: str | None = None,
        optimisers: Mapping[Any, Mapping[str, Optimiser | str]] | None = None,
    ) -> CompiledTrainingNetwork:
        """A network that can be trained.

        Args:
            network: the network; it is not changed.
            name: kept for scripts written for mlGeNN.
            optimisers: what is learned and how: {connection or layer: {"weight":
                optimiser, "delay": optimiser}}, {population or layer: {parameter:
                optimiser}}, and {"all_connections": {"weight": optimiser}}. What is not
                listed stays as it is but passes gradients on. None (default): all
                weights, with the compiler's optimiser, and the delays of
                ``delay_learn_conns``. Parameters of synapses are named
                ``<name>_syn<k>``, k counting the kinds of synapses onto a population.

        Raises:
            ValidationError: if the network cannot be run.
            UnsupportedError: if the rule has no gradient for a part of it.
        """
        check_network(network)
        outputs = self._outputs(network)
        losses = self._losses(outputs)
        adjoint = upstream(network, outputs)
        for population in adjoint:
            self.check_trained(population)
        unasked = self.learned_parameters(outputs)
        chosen = what_is_learned(network, self.optimiser, optimisers)
        delays = {**chosen.delays, **self._learned_delays(network)}
        self._check_synapses(network, delays, adjoint)
        _check_parameters(chosen.parameters, adjoint)
        hidden = [p for p in network.populations if p in adjoint and p not in outputs]
        training = Training(
            losses={p: self._loss(Output(p, loss)) for p, loss in losses.items()},
            adjoint=adjoint,
            learn={c: o for c, o in chosen.weights.items() if c.ends()[1] in adjoint},
            delays=delays,
            rewired=dict.fromkeys(self.deep_r_conns, self.deep_r_l1_strength),
            parameters={**unasked, **chosen.parameters},
            spread=frozenset(unasked),
            backprop_connections=frozenset(
                c
                for c in network.connections
                if adjoint.issuperset(c.ends()) and self.feeds_back(c)
            ),
            rule=self.spike_gradient(),
            rule_parameters=self.rule_parameters(losses),
            equations=self.equations,
            online=self.online,
            feedback=self.feedback(hidden, outputs),
            decay=self.decay(network),
            regularised=self.regularised(hidden),
            loss_scalars={p: self._loss_scalars(loss) for p, loss in losses.items()},
        )
        lowered = lower(
            network,
            dt=self.dt,
            seed=self.rng_seed,
            choices=self.CHOICES,
            training=training,
        )
        config = self.runtime_config(self.example_timesteps, optimisers=optimisers)
        return CompiledTrainingNetwork(
            network,
            lowered,
            config,
            losses,
            self.optimiser,
            recorders=[
                RewiringRecorder(c, key)
                for c, key in self.deep_r_record_rewirings.items()
            ],
        )

    def _learned_delays(self, network: Network) -> dict[Connection, Optimiser]:
        optimiser = self.delay_optimiser or self.optimiser
        return dict.fromkeys(self.delay_learn_conns, optimiser)

    def _check_synapses(
        self,
        network: Network,
        delays: Collection[Connection],
        adjoint: Collection[Population],
    ) -> None:
        """Refuses connections whose delays or synapses cannot change."""
        name = type(self).__name__
        for argument, connections in (
            ("delay_learn_conns", delays),
            ("deep_r_conns", self.deep_r_conns),
        ):
            for connection in connections:
                where = f"{name}: {argument}: connection '{connection.name}'"
                if connection not in network.connections:
                    raise ValidationError(f"{where} is not part of this network.")
                if connection.ends()[1] not in adjoint:
                    raise ValidationError(f"{where} leads to no output.")
        if delays and not self.LEARNS_DELAYS:
            raise UnsupportedError(
                f"{name}: this rule has no gradient for delays. EventPropCompiler and "
                "BPTTCompiler learn them."
            )
        for connection in self.deep_r_record_rewirings:
            if connection not in self.deep_r_conns:
                raise ValidationError(
                    f"{name}: deep_r_record_rewirings: connection '{connection.name}' "
                    "is not in deep_r_conns."
                )

    def _outputs(self, network: Network) -> list[Population]:
        outputs = [p for p in network.populations if p.neuron.readout is not None]
        if not outputs:
            raise ValidationError(
                f"{type(self).__name__}: no population has a readout, so there is "
                "nothing to learn. Give the output neuron one, for example "
                "LeakyIntegrate(readout='avg_var')."
            )
        return outputs

    def _loss(self, output: Output) -> Any:
        rules, name = self.OUTPUTS, type(self).__name__
        return output_loss(output, rules, self.per_timestep_loss, name)

    def _loss_scalars(self, loss: Loss) -> tuple[float, float]:
        """What the loss's formula takes, and the pull on first spikes."""
        temperature, alpha = self.loss_scalars()
        return loss.scalar(temperature, self.example_timesteps), alpha

    def _losses(self, outputs: Sequence[Population]) -> dict[Population, Loss]:
        """{output: loss}, whatever the user wrote."""
        losses = self.losses
        if isinstance(losses, Mapping):
            losses = {get_underlying_pop(key): loss for key, loss in losses.items()}
        found = get_object_mapping(losses, outputs, Loss, "Loss", default_losses)
        result = {}
        for population, loss in found.items():
            if loss is None:
                raise ValidationError(
                    f"{type(self).__name__}: output '{population}' has no loss."
                )
            result[population] = loss
        return result


def _connections(given: Any) -> list[Connection]:
    """Connections as users give them: one connection or layer, or several."""
    listed = given if isinstance(given, Iterable) else [given]
    return [get_underlying_conn(c) for c in listed]


def _check_parameters(
    parameters: Collection[tuple[Population, str]], adjoint: Collection[Population]
) -> None:
    """Refuses parameters of populations that no gradient reaches."""
    for population, name in parameters:
        if population not in adjoint:
            is_input = isinstance(population.neuron, Input)
            why = "is an input" if is_input else "leads to no output"
            raise ValidationError(
                f"optimisers: parameter '{name}' of population '{population.name}' has "
                f"no gradient, since the population {why}. Leave it out."
            )


def upstream(network: Network, outputs: Sequence[Population]) -> frozenset[Population]:
    """Populations, inputs left out, from which an output can be reached."""
    found = set(outputs)
    grown = True
    while grown:
        sources = {c.ends()[0] for c in network.connections if c.ends()[1] in found}
        fresh = {p for p in sources - found if not isinstance(p.neuron, Input)}
        found |= fresh
        grown = bool(fresh)
    return frozenset(found)
