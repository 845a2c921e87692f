"""Base of the compilers of all learning rules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ml_genn.callbacks import RewiringRecorder
from ml_genn.compiled.own_optimisers import OptimiserSettings, OwnOptimisers
from ml_genn.compiled.training import CompiledTrainingNetwork
from ml_genn.compilers.compiler import Compiler
from ml_genn.compilers.learned import (
    Optimisers,
    check_parameters,
    learned_arrays,
    upstream,
)
from ml_genn.compilers.listed_populations import Keys, check_inputs, listed_outputs
from ml_genn.compilers.outputs import Output, SupportedOutputs, output_loss
from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.graph.graph import get_underlying_conn, get_underlying_pop
from ml_genn.losses import Loss, default_losses
from ml_genn.lowering import (
    Feedback,
    LossScalars,
    Training,
    check_network,
    lower,
)
from ml_genn.model.equations import NeuronEquations
from ml_genn.model.rate_regularisation import RateRegularisation
from ml_genn.model.spike_gradients import SpikeGradient
from ml_genn.network import Network
from ml_genn.optimisers import Optimiser, default_optimisers
from ml_genn.population import Population
from ml_genn.utils.checks import flag, items, mapping, not_negative, whole
from ml_genn.utils.choices import Choices
from ml_genn.utils.copies import independent_copy, owned
from ml_genn.utils.module import get_object, get_object_mapping


class TrainingCompiler(Compiler):
    """Compiler of a learning rule.

    A learning rule is one subclass. It gives `spike_gradient`, ``CHOICES`` and
    ``OUTPUTS``; the other methods and attributes have defaults that suit gradients by
    backpropagation.

    Args:
        example_timesteps: time steps of an example.
        losses: a loss or its name, or {output: loss}.
        optimiser: an optimiser or its name, "adam" by default. The first network that
            is compiled with an optimiser uses the object itself; later networks use
            copies with the settings that it had then. ``compiled.optimiser`` is the
            network's.
        per_timestep_loss: True if cross-entropy is computed in every step; False by
            default.
        delay_optimiser: optimiser of delays; None (default) for ``optimiser``.
        delay_learn_conns: connections or layers whose delays are learned, or one of
            them; none by default.
        deep_r_conns: sparse connections or layers that Deep-R rewires, or one of them;
            none by default.
        deep_r_l1_strength: strength of the L1 regularisation of rewired weights, 0.01
            by default.
        deep_r_record_rewirings: {connection or layer: key of its rewirings in the
            recorded data that `train` returns}; None (default) for nothing.
        **kwargs: as for `Compiler`.

    Raises:
        ValidationError: if an argument is out of its range.
    """

    #: {class: {argument: value}} for neuron and synapse arguments that users leave open
    CHOICES: ClassVar[Choices]
    #: readouts and losses that the rule has gradients of
    OUTPUTS: ClassVar[SupportedOutputs]
    #: True if the rule has a gradient by delays
    LEARNS_DELAYS: ClassVar[bool] = True
    #: True if gradients are computed while the network runs
    online: bool = False
    #: temperature of the softmax of cross-entropy
    softmax_temperature: float = 1.0
    #: strength of the penalty on late first spikes
    ttfs_alpha: float = 0.0

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
        if not isinstance(losses, Mapping):
            get_object(losses, Loss, "Loss", default_losses)
        self.losses = owned(losses)
        self.per_timestep_loss = flag(f"{name}: per_timestep_loss", per_timestep_loss)
        default = get_object(optimiser, Optimiser, "Optimiser", default_optimisers)
        if default is None:
            raise ValidationError(f"{name}: an optimiser is needed. Received None.")
        self.optimiser = default
        self._optimiser_settings = OptimiserSettings()
        self.delay_optimiser = get_object(
            delay_optimiser, Optimiser, "Optimiser", default_optimisers
        )
        self.delay_learn_conns = _connections("delay_learn_conns", delay_learn_conns)
        self.deep_r_conns = _connections("deep_r_conns", deep_r_conns)
        self.deep_r_l1_strength = not_negative(
            f"{name}: deep_r_l1_strength", deep_r_l1_strength
        )
        recorded = mapping(f"{name}: deep_r_record_rewirings", deep_r_record_rewirings)
        self.deep_r_record_rewirings = {
            get_underlying_conn(c): key for c, key in recorded.items()
        }

    @abstractmethod
    def spike_gradient(self) -> SpikeGradient:
        """Returns the derivative of spikes under the rule."""

    def rule_parameters(self, losses: Mapping[Population, Loss]) -> dict[str, float]:
        """Returns the values of parameters in the rule's expressions.

        Args:
            losses: {output: loss}.
        """
        return {}

    def extended_equations(self, equations: NeuronEquations) -> NeuronEquations:
        """Returns a trained neuron's equations with variables that the rule adds.

        Args:
            equations: the neuron's own equations.
        """
        return equations

    def check_trained(self, population: Population) -> None:
        """Raises UnsupportedError if the rule has no gradient for a population.

        Args:
            population: a population from which an output is reached.
        """

    def backpropagates(self, connection: Connection) -> bool:
        """Returns True if gradients pass through a connection to its source.

        Args:
            connection: a connection between trained populations.
        """
        return True

    def feedback(
        self, hidden: Sequence[Population], outputs: Sequence[Population]
    ) -> tuple[Feedback, ...]:
        """Returns feedback weights, through which errors reach hidden populations.

        Args:
            hidden: populations that learn and are no outputs.
            outputs: populations with a loss.
        """
        return ()

    def rate_regularisation(
        self, hidden: Sequence[Population]
    ) -> Mapping[Population, RateRegularisation]:
        """Returns the regularisation of firing rates of hidden populations.

        Args:
            hidden: populations that learn and are no outputs.
        """
        return {}

    def weight_decay(self, network: Network) -> Mapping[Connection, float]:
        """Returns {connection: fraction that its weights lose with each update}.

        Args:
            network: the network.
        """
        return {}

    def learned_parameters(
        self, outputs: Sequence[Population]
    ) -> Mapping[tuple[Population, str], Optimiser]:
        """Returns parameters that the rule learns even if the user lists none.

        Each neuron learns a value of its own.

        Args:
            outputs: populations with a loss.
        """
        return {}

    def compile(
        self,
        network: Network,
        name: str | None = None,
        optimisers: Optimisers | None = None,
        inputs: Keys = None,
        outputs: Keys = None,
    ) -> CompiledTrainingNetwork:
        """Returns a network that can be trained.

        Args:
            network: the network, which keeps the choices that are decided here.
            name: accepted for scripts written for mlGeNN, without effect.
            optimisers: learned arrays and their optimisers: {connection or layer:
                {"weight": optimiser, "delay": optimiser}}, {population or layer:
                {parameter: optimiser}}, and {"all_connections": {"weight":
                optimiser}}. Arrays that are not listed stay fixed; gradients pass
                through them. None (default): all weights, with the compiler's
                optimiser, and the delays of ``delay_learn_conns``. Parameters of
                synapses are named ``<name>_syn<k>``, k counting the kinds of synapses
                onto a population.
            inputs: all inputs, one or a sequence of them; None (default) for these.
            outputs: all populations or layers with a readout, one or a sequence of
                them; None (default) for these.

        Raises:
            ValidationError: if the network cannot be run.
            UnsupportedError: if the rule has no gradient for a part of it.
        """
        check_network(network)
        check_inputs(type(self).__name__, network, inputs)
        losses = self._losses(self._outputs(network, outputs))
        own = OwnOptimisers(self._optimiser_settings)
        lowered = lower(
            network,
            dt=self.dt,
            seed=self.rng_seed,
            choices=self.CHOICES,
            training=own.training(self._training(network, losses, optimisers)),
            compiler=type(self).__name__,
            num_steps=self.example_timesteps,
        )
        config = self.runtime_config(self.example_timesteps, optimisers=optimisers)
        recorders = [
            RewiringRecorder(c, key) for c, key in self.deep_r_record_rewirings.items()
        ]
        return CompiledTrainingNetwork(
            network,
            lowered,
            own.config(config),
            losses,
            own.of(self.optimiser),
            recorders=recorders,
            own_optimisers=own,
        )

    def _training(
        self,
        network: Network,
        losses: Mapping[Population, Loss],
        optimisers: Optimisers | None,
    ) -> Training:
        """Returns the trained parts of a network, checked."""
        outputs = [p for p in network.populations if p in losses]
        trained = upstream(network, outputs)
        for population in network.populations:
            if population in trained:
                self.check_trained(population)
        of_rule = self.learned_parameters(outputs)
        learned = learned_arrays(network, self.optimiser, optimisers)
        delays = {**learned.delays, **self._learned_delays()}
        self._check_synapses(network, delays, trained)
        check_parameters(learned.parameters, trained)
        hidden = [p for p in network.populations if p in trained and p not in outputs]
        between = [c for c in network.connections if trained.issuperset(c.ends())]
        return Training(
            losses={p: self._loss(Output(p, loss)) for p, loss in losses.items()},
            populations=trained,
            weights={
                c: o for c, o in learned.weights.items() if c.ends()[1] in trained
            },
            delays=delays,
            parameters={**of_rule, **learned.parameters},
            per_neuron=frozenset(of_rule),
            rewired=dict.fromkeys(self.deep_r_conns, self.deep_r_l1_strength),
            weight_decay=self.weight_decay(network),
            backprop_connections=frozenset(
                c for c in between if self.backpropagates(c)
            ),
            feedback=self.feedback(hidden, outputs),
            spike_gradient=self.spike_gradient(),
            rule_parameters=self.rule_parameters(losses),
            rate_regularisation=self.rate_regularisation(hidden),
            loss_scalars={p: self._loss_scalars(p, loss) for p, loss in losses.items()},
            online=self.online,
            extended_equations=self.extended_equations,
        )

    def _learned_delays(self) -> dict[Connection, Optimiser]:
        optimiser = self.delay_optimiser or self.optimiser
        return dict.fromkeys(self.delay_learn_conns, optimiser)

    def _check_synapses(
        self,
        network: Network,
        delays: Collection[Connection],
        trained: Collection[Population],
    ) -> None:
        """Raises an error for connections whose delays or synapses cannot change."""
        name = type(self).__name__
        for argument, connections in (
            ("delay_learn_conns", delays),
            ("deep_r_conns", self.deep_r_conns),
        ):
            for connection in connections:
                where = f"{name}: {argument}: connection '{connection.name}'"
                if connection not in network.connections:
                    raise ValidationError(f"{where} is not part of this network.")
                if connection.ends()[1] not in trained:
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

    def _outputs(self, network: Network, listed: Keys) -> tuple[Population, ...]:
        """Returns the populations with a readout, which a user may list."""
        name = type(self).__name__
        outputs = listed_outputs(name, network, None)
        if not outputs:
            raise ValidationError(
                f"{name}: no population has a readout, so there is nothing to learn. "
                "Give the output neuron one, for example "
                "LeakyIntegrate(readout='avg_var')."
            )
        missing = set(outputs) - set(listed_outputs(name, network, listed))
        if missing:
            raise ValidationError(
                f"{name}: outputs are all populations with a readout. Missing: "
                f"{sorted(p.name for p in missing)}. A population that is not read "
                "needs no readout."
            )
        return outputs

    def _loss(self, output: Output) -> Any:
        name = type(self).__name__
        return output_loss(output, self.OUTPUTS, self.per_timestep_loss, name)

    def steps_of(self, output: Population) -> range:
        """Returns the time steps that an output's readout sees.

        Args:
            output: a population with a readout.
        """
        return output.neuron.readout_steps(self.example_timesteps, self.dt)

    def _loss_scalars(self, output: Population, loss: Loss) -> LossScalars:
        steps = len(self.steps_of(output))
        scalar = loss.scalar(self.softmax_temperature, steps)
        return LossScalars(scalar, self.ttfs_alpha)

    def _losses(self, outputs: Sequence[Population]) -> dict[Population, Loss]:
        """Returns {output: copy of its loss} from the argument ``losses``."""
        losses = self.losses
        if isinstance(losses, Mapping):
            losses = {get_underlying_pop(key): loss for key, loss in losses.items()}
        of_outputs = get_object_mapping(losses, outputs, Loss, "Loss", default_losses)
        result = {}
        for population, loss in of_outputs.items():
            if loss is None:
                raise ValidationError(
                    f"{type(self).__name__}: output '{population}' has no loss."
                )
            result[population] = independent_copy(loss)
        return result


def _connections(name: str, value: Any) -> list[Connection]:
    """Returns a list of connections, from one or several connections or layers."""
    values = items(name, value) if isinstance(value, Iterable) else [value]
    return [get_underlying_conn(c) for c in values]
