"""Batches whose states, gradients or optimiser step are not finite take no step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import Callback, TerminateOnNaN
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense, FixedProbability
from ml_genn.errors import DivergedError, TrainingWarning, ValidationError
from ml_genn.initializers import Normal, Uniform
from ml_genn.model.plan import MAX_STORED_NUMBER
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
    UserNeuron,
)
from ml_genn.optimisers import SGD, Adam, Lion, Optimiser, RMSprop
from ml_genn.optimisers.optimiser import equation
from ml_genn.surrogates import Boxcar
from ml_genn.synapses import Delta, Exponential
from ml_genn_eprop import EPropCompiler

INPUTS, HIDDEN, CLASSES, STEPS, EXAMPLES = 6, 7, 3, 30, 8
CROSS_ENTROPY = "sparse_categorical_crossentropy"
BAD_BATCH = 1  #: batch with example 5
#: Weights of an example's loss. The loss, ln 3, times the first one is a finite float;
#: its gradient by the weights onto the output, whose readout is a sum, is not. The
#: square of a gradient with the second one overflows.
OVERFLOWS, SQUARE_OVERFLOWS = 2e38, 1e25


@dataclass(frozen=True)
class Rule:
    """A learning rule and the network that it trains."""

    compiler: type = EventPropCompiler
    options: dict[str, Any] = field(default_factory=dict)
    synapse: Callable[[], Any] = lambda: Exponential(5.0)
    neuron: Any = field(default_factory=LeakyIntegrateFire)
    delays: bool = False
    deep_r: bool = False
    learned: str = ""
    steps_of_loss: int = 1


RULES = {
    "event_prop": Rule(),
    "delays": Rule(delays=True),
    "parameters": Rule(learned="tau_mem"),
    "deep_r": Rule(deep_r=True),
    "clipped": Rule(options={"global_clip_norm": 1e30}),
    "bptt": Rule(BPTTCompiler),
    "near_threshold": Rule(BPTTCompiler, {"surrogate": Boxcar(0.5)}),
    "event_driven": Rule(
        EPropCompiler,
        synapse=Delta,
        neuron=AdaptiveLeakyIntegrateFire(),
        steps_of_loss=STEPS,
    ),
    "online": Rule(
        EPropCompiler, {"mode": "online"}, synapse=Delta, steps_of_loss=STEPS
    ),
}


def network_of(rule: Rule) -> Network:
    """Returns input, hidden and output populations; nothing reaches the output yet."""
    delay = {"delay": Uniform(0.0, 4.0)} if rule.delays else {}
    longest = {"max_delay_steps": 5} if rule.delays else {}
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="in")
        hidden = Population(rule.neuron, HIDDEN, name="hidden")
        output = Population(LeakyIntegrate(readout="sum_var"), CLASSES, name="out")
        weight = Normal(1.0, 0.5)
        dense = Dense(weight, **delay)
        into = FixedProbability(0.6, weight) if rule.deep_r else dense
        Connection(source, hidden, into, rule.synapse(), name="in_hidden", **longest)
        Connection(hidden, output, Dense(0.0), rule.synapse(), name="hidden_out")
    return network


def compiled_for(rule: Rule, optimiser: Optimiser, **settings: Any) -> Any:
    network, options = network_of(rule), dict(rule.options)
    for name in ("clip_norm", "global_clip_norm"):
        if name in options:
            setattr(optimiser, name, options.pop(name))
    if rule.delays:
        options["delay_learn_conns"] = network.connections[:1]
    if rule.deep_r:
        options["deep_r_conns"] = network.connections[:1]
    learned: dict[Any, Any] = {"all_connections": {"weight": optimiser}}
    if rule.learned:
        learned[network.populations[1]] = {rule.learned: optimiser}
    options = {"batch_size": 4, "num_threads": 1, **options, **settings}
    compiler = rule.compiler(STEPS, CROSS_ENTROPY, optimiser, **options)
    return compiler.compile(network, optimisers=learned if rule.learned else None)


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(1).random((EXAMPLES, STEPS, INPUTS)) < 0.2
    return x, np.arange(EXAMPLES) % CLASSES


def loss_weights(factor: float) -> np.ndarray:
    """Returns the weights of examples in the loss; one of them is large."""
    weights = np.ones(EXAMPLES)
    weights[5] = factor
    return weights


def train(compiled: Any, factor: float = 1.0, **options: Any) -> Any:
    x, y = data()
    arguments = {"shuffle": False, "callbacks": [], **options}
    return compiled.train(x, y, sample_weight=loss_weights(factor), **arguments)


def arrays(compiled: Any) -> dict[Any, np.ndarray]:
    """Returns weights, delays, parameters, synapses and the optimiser's state."""
    return dict(compiled.snapshot().arrays)


def assert_same(left: dict[Any, np.ndarray], right: dict[Any, np.ndarray]) -> None:
    assert left.keys() == right.keys()
    for key, values in left.items():
        np.testing.assert_array_equal(values, right[key], err_msg=str(key))


class Snapshots(Callback):
    """Callback that stores the arrays after each batch."""

    def set_params(self, **kwargs: Any) -> None:
        self.network, self.after = kwargs["compiled_network"], list[Any]()

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.after.append(arrays(self.network))


@pytest.mark.parametrize("name", RULES)
def test_no_rule_takes_a_step_with_bad_numbers(name: str) -> None:
    """First the gradient is infinite, then its square; the loss is finite."""
    compiled, snapshots = compiled_for(RULES[name], Adam(1e-6)), Snapshots()
    factor = OVERFLOWS / RULES[name].steps_of_loss
    with pytest.raises(DivergedError) as caught:
        train(compiled, factor, callbacks=[snapshots])
    message = str(caught.value)
    assert "gradient" in message
    assert "'hidden_out'" in message
    assert f"epoch 1, batch {BAD_BATCH + 1}." in message
    assert caught.value.batch == BAD_BATCH
    assert_same(arrays(compiled), snapshots.after[-1])
    if name != "clipped":
        with pytest.raises(DivergedError, match="optimiser's step makes numbers"):
            train(compiled, SQUARE_OVERFLOWS, callbacks=[snapshots])
        assert_same(arrays(compiled), snapshots.after[-1])
    assert compiled.divergence
    train(compiled)
    assert not compiled.divergence
    assert all(np.isfinite(values).all() for values in arrays(compiled).values())


def test_training_continues_as_if_the_batch_had_not_been() -> None:
    """The twin trains on the other batch only."""
    x, y = data()
    networks = [compiled_for(Rule(), Adam(1e-6)) for _ in range(2)]
    with pytest.warns(TrainingWarning, match=r"'hidden_out'.*it is left out"):
        train(networks[0], OVERFLOWS, callbacks=[TerminateOnNaN(1)])
    networks[1].train(x[:4], y[:4], shuffle=False, callbacks=[])
    for network in networks:
        train(network)
    assert_same(*map(arrays, networks))


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_agree(threads: int) -> None:
    compiled = compiled_for(Rule(), SGD(1e-3), num_threads=threads)
    before = arrays(compiled)
    x, y = data()
    weights = loss_weights(OVERFLOWS)[4:]
    with pytest.raises(DivergedError, match="'hidden_out'"):
        compiled.train(x[4:], y[4:], sample_weight=weights, callbacks=[])
    assert_same(arrays(compiled), before)


@dataclass(eq=False, repr=False)
class Exponentiated(Optimiser):
    """Optimiser whose step can overflow from any gradient."""

    alpha: float = 1.0
    SLOTS: ClassVar[tuple[str, ...]] = ()
    SCALARS: ClassVar[tuple[str, ...]] = ("alpha",)
    CODE = equation((), SCALARS, "x = 100.0f - expf(alpha - 0.0f * gradient);")


class Replaced(SGD):
    """Optimiser that inherits all but the step."""

    CODE = Exponentiated.CODE


def test_a_new_step_is_not_taken_for_bounded() -> None:
    assert SGD.BOUNDED
    assert not Replaced.BOUNDED
    assert not Exponentiated.BOUNDED


@pytest.mark.parametrize(
    "optimiser",
    [
        SGD(3e38),
        SGD(1e30),
        Adam(1e30),
        Lion(1e20),
        RMSprop(3e38),
        SGD(10.0, weight_decay=1e38),
        Exponentiated(100.0),
    ],
    ids=repr,
)
def test_no_step_makes_weights_too_large(optimiser: Optimiser) -> None:
    compiled = compiled_for(Rule(), optimiser)
    before = arrays(compiled)
    x, y = data()
    with pytest.raises(DivergedError, match="optimiser's step"):
        compiled.train(x[:4], y[:4], sample_weight=np.full(4, 1e3), callbacks=[])
    assert_same(arrays(compiled), before)


def test_a_step_after_large_ones_is_checked() -> None:
    """Weight decay multiplies weights by -9 in each step, without any gradient."""
    compiled = compiled_for(Rule(), SGD(1e-30, weight_decay=1e31))
    x, y = data()
    with pytest.raises(DivergedError, match="optimiser's step"):
        compiled.train(x * False, y, num_epochs=50, callbacks=[])
    weights = compiled.weights(compiled.network.connections[0])
    assert MAX_STORED_NUMBER / 9 < np.abs(weights).max() < MAX_STORED_NUMBER


def test_clipping_makes_a_large_gradient_usable() -> None:
    compiled = compiled_for(Rule(), Adam(1e-4, clip_norm=1.0))
    before = arrays(compiled)
    train(compiled, SQUARE_OVERFLOWS)
    after = arrays(compiled)
    assert all(np.isfinite(values).all() for values in after.values())
    assert not np.array_equal(before["hidden_out", "g"], after["hidden_out", "g"])


# ---------------------------------------------------------------- states
def with_infinite_potentials(compiler: Any) -> Any:
    """Returns a network in which hidden potentials are below the range of floats."""
    network = network_of(Rule())
    compiled = compiler.compile(network)
    first = network.connections[0]
    compiled.set_weights(first, np.full((INPUTS, HIDDEN), -3e38))
    return compiled


def test_silent_neurons_with_infinite_potentials_are_found() -> None:
    """They never cross the threshold, so outputs, loss and gradients are finite."""
    compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, batch_size=4, num_threads=1)
    compiled = with_infinite_potentials(compiler)
    x, y = data()
    before = arrays(compiled)
    calls: list[Callable[[], Any]] = [
        lambda: compiled.train(x, y, callbacks=[]),
        lambda: compiled.evaluate(x, y, callbacks=[]),
        lambda: compiled.predict(x, callbacks=[]),
        lambda: compiled.gradients(x, y),
        lambda: compiled.loss(x, y),
    ]
    for call in calls:
        with pytest.raises(DivergedError, match="state of population 'hidden' is not"):
            call()
    assert_same(arrays(compiled), before)


def test_manual_stepping_refuses_readouts_of_infinite_states() -> None:
    compiled = with_infinite_potentials(InferenceCompiler(STEPS, batch_size=4))
    x, _ = data()
    compiled.set_input({compiled.network.populations[0]: x[:4]})
    for _ in range(STEPS):
        compiled.step_time()
    with pytest.raises(DivergedError, match="'hidden'"):
        compiled.get_readout(compiled.network.populations[-1])


@pytest.mark.parametrize("bad", ["hidden", "out"])
def test_evaluation_refuses_neurons_that_make_nan(bad: str) -> None:
    """The largest of several NaN is the first one, which would be label 0."""
    root = UserNeuron(
        vars={"v": ("sqrt(-1 - v * v) + Isyn", "0")},
        threshold="v - 1",
        output_var_name="v",
        solver="linear_euler",
        readout="var" if bad == "out" else None,
    )
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="in")
        fire, leaky = LeakyIntegrateFire(), LeakyIntegrate(readout="var")
        hidden = Population(root if bad == "hidden" else fire, HIDDEN, name="hidden")
        output = Population(root if bad == "out" else leaky, CLASSES, name="out")
        Connection(source, hidden, Dense(1.0), Exponential(5.0))
        Connection(hidden, output, Dense(1.0), Exponential(5.0))
    compiled = InferenceCompiler(STEPS, batch_size=4).compile(network)
    x, y = data()
    with pytest.raises(DivergedError, match=f"batch 1: .* population '{bad}' is not"):
        compiled.evaluate(x, y, callbacks=[])
    with pytest.raises(DivergedError, match=f"'{bad}'"):
        compiled.predict(x, callbacks=[])


# ---------------------------------------------------------------- time constants
@pytest.mark.parametrize("tau", [1e-3, 1e30])
@pytest.mark.parametrize("population", [1, 2])
def test_constants_that_are_not_finite_are_refused(tau: float, population: int) -> None:
    network = network_of(RULES["event_driven"])
    neuron: Any = (LeakyIntegrateFire, LeakyIntegrate)[population - 1]
    network.populations[population].neuron = neuron(
        tau_mem=tau, readout=None if population == 1 else "sum_var"
    )
    where = network.populations[population].name
    with pytest.raises(ValidationError, match=f"'{where}': tau_mem = .* dt = 1 ms"):
        EPropCompiler(STEPS, CROSS_ENTROPY).compile(network)


def test_event_prop_refuses_time_constants_below_the_time_step() -> None:
    network = network_of(Rule(neuron=LeakyIntegrateFire(tau_mem=0.1)))
    with pytest.raises(ValidationError, match=r"at least a time step.*tau_mem = 0\.1"):
        EventPropCompiler(STEPS, CROSS_ENTROPY).compile(network)
    BPTTCompiler(STEPS, CROSS_ENTROPY).compile(network)
    network = network_of(Rule(neuron=LeakyIntegrateFire(tau_mem=0.1)))
    EventPropCompiler(STEPS, CROSS_ENTROPY, dt=0.1).compile(network)
    network = network_of(Rule(neuron=AdaptiveLeakyIntegrateFire(tau_adapt=0.5)))
    with pytest.raises(ValidationError, match=r"tau_adapt = 0\.5"):
        EventPropCompiler(STEPS, CROSS_ENTROPY).compile(network)
