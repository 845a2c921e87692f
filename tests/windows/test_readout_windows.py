"""Readouts that see a window of time steps.

An example of `SEEN` steps is embedded in a longer one: silent steps before it, other
spikes after it. With a window on the embedded steps, results, losses and gradients are
those of the short example, under every rule and with every readout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.initializers import Normal
from ml_genn.losses import MeanSquareError, SpikeRateMeanSquareError
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    FewSpikeRelu,
    FewSpikeReluInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.readouts import AvgVar, FirstSpikeTime, Readout, SumVar, Var
from ml_genn.readouts import default_readouts as READOUTS
from ml_genn.synapses import Delta, Exponential

BEFORE, SEEN, AFTER = 7, 30, 11
WHOLE = BEFORE + SEEN + AFTER
WINDOW = (float(BEFORE), float(BEFORE + SEEN))
#: Silent steps at the end of the window. EventProp's difference between steps would see
#: a spike that arrives right after the window, where a short example has ended.
QUIET = 12
INPUTS, HIDDEN, OUTPUTS, EXAMPLES = 12, 8, 3, 4
CROSS_ENTROPY = "sparse_categorical_crossentropy"
TOLERANCE = 2e-5  #: relative to the largest element; sums differ in their order


@dataclass(frozen=True)
class Case:
    """Rule, readout and loss.

    Args:
        rule: compiler.
        readout: class of the readout.
        loss: the loss.
        spiking: True if outputs spike.
        settings: arguments of the compiler.
    """

    rule: Any
    readout: type[Readout]
    loss: Any = CROSS_ENTROPY
    spiking: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def compile(self, steps: int, window: Any, **more: Any) -> Any:
        """The compiled network; its weights depend on nothing but the seed."""
        eprop = self.rule is EPropCompiler
        synapse: Any = Delta() if eprop else Exponential(5.0)
        hidden = AdaptiveLeakyIntegrateFire(v_thresh=0.6, beta=0.1, tau_adapt=50.0)
        readout = self.readout(window=window)
        output: Any = LeakyIntegrateFire(v_thresh=0.4) if self.spiking else None
        output = output or LeakyIntegrate(tau_mem=15.0)
        object.__setattr__(output, "readout", readout)
        with Network() as network:
            source = Population("spike_input", INPUTS, name="in")
            middle = Population(hidden, HIDDEN, name="hidden")
            out = Population(output, OUTPUTS, name="out")
            for ends, weight in (
                ((source, middle), Normal(0.3, 0.3)),
                ((middle, middle), Normal(0.0, 0.2)),
                ((middle, out), Normal(0.3, 0.5)),
            ):
                Connection(*ends, Dense(weight, 1), synapse)
        settings = {"batch_size": EXAMPLES, "num_threads": 1, **self.settings, **more}
        return self.rule(steps, self.loss, **settings).compile(network)

    def short(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of the short example."""
        rng = np.random.default_rng(1)
        x = rng.random((EXAMPLES, SEEN, INPUTS)) < 0.2
        x[:, -QUIET:] = False
        if not isinstance(self.loss, MeanSquareError):
            return x, np.arange(EXAMPLES) % OUTPUTS
        steps = (SEEN,) if self.trajectory else ()
        return x, rng.normal(0.0, 1.0, (EXAMPLES, *steps, OUTPUTS))

    @property
    def trajectory(self) -> bool:
        """True if outputs are compared in each step."""
        every_step = self.readout is Var or self.rule is EPropCompiler
        return isinstance(self.loss, MeanSquareError) and every_step

    def embedded(self) -> tuple[np.ndarray, np.ndarray]:
        """The same in a longer example; nothing outside the window counts."""
        x, y = self.short()
        rng = np.random.default_rng(2)
        longer = rng.random((EXAMPLES, WHOLE, INPUTS)) < 0.2
        longer[:, :BEFORE] = False
        longer[:, BEFORE : BEFORE + SEEN] = x
        if self.trajectory:
            outside = rng.normal(0.0, 1.0, (EXAMPLES, WHOLE, OUTPUTS))
            outside[:, BEFORE : BEFORE + SEEN] = y
            y = outside
        return longer, y


#: Rates and the bias of outputs act in all steps, the silent ones too.
UNREGULARISED = {"c_reg": 0.0, "train_output_bias": False}
CASES = {
    f"{rule.__name__} {name}": Case(rule, readout)
    for rule in (EventPropCompiler, BPTTCompiler)
    for name, readout in READOUTS.items()
    if name.endswith(("var", "weight"))
} | {
    # the penalty on late spikes counts from the start of the example
    "EventProp first spike": Case(
        EventPropCompiler,
        FirstSpikeTime,
        spiking=True,
        settings={"ttfs_alpha": 0.0},
    ),
    "EventProp trajectory": Case(EventPropCompiler, Var, MeanSquareError()),
    "EventProp each step": Case(
        EventPropCompiler, AvgVar, settings={"per_timestep_loss": True}
    ),
    "BPTT each step": Case(BPTTCompiler, SumVar, settings={"per_timestep_loss": True}),
    "BPTT count": Case(BPTTCompiler, READOUTS["spike_count"], spiking=True),
    "BPTT count where few are active": Case(
        BPTTCompiler,
        READOUTS["spike_count"],
        spiking=True,
        settings={"backward_threshold": 0.3},
    ),
    "BPTT rate": Case(
        BPTTCompiler,
        READOUTS["spike_count"],
        SpikeRateMeanSquareError(200.0, 20.0),
        spiking=True,
    ),
    "e-prop": Case(EPropCompiler, SumVar, settings=UNREGULARISED),
    "e-prop online": Case(
        EPropCompiler, SumVar, settings={**UNREGULARISED, "mode": "online"}
    ),
    "e-prop trajectory": Case(
        EPropCompiler, Var, MeanSquareError(), settings=UNREGULARISED
    ),
    "e-prop random": Case(
        EPropCompiler, AvgVar, settings={**UNREGULARISED, "feedback": "random"}
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_embedded_example(name: str) -> None:
    case = CASES[name]
    short, embedded = case.compile(SEEN, None), case.compile(WHOLE, WINDOW)
    expected = short.gradients(*case.short())
    received = embedded.gradients(*case.embedded())
    for (key, e), r in zip(expected.items(), received.values(), strict=True):
        scale = np.abs(e).max()
        assert scale > 0, key
        np.testing.assert_allclose(r, e, rtol=0, atol=TOLERANCE * scale)
    metric = "mean_square_error" if np.ndim(case.short()[1]) > 1 else "accuracy"
    metric = "sparse_categorical_accuracy" if metric == "accuracy" else metric
    results = [
        network.evaluate(*data, metrics=metric, callbacks=[])[0]
        for network, data in ((short, case.short()), (embedded, case.embedded()))
    ]
    (one,), (other,) = (list(result.values()) for result in results)
    assert other.result == pytest.approx(one.result, rel=1e-4)
    assert results[1].loss == pytest.approx(results[0].loss, rel=1e-4)


def test_windows_need_no_second_build() -> None:
    """The limits of a window are numbers beside the plan."""
    case = CASES["BPTTCompiler avg_var"]
    one, other = (case.compile(WHOLE, window) for window in (WINDOW, (3.0, 5.0)))
    assert one.model.plan == other.model.plan


@pytest.mark.parametrize(
    ("window", "steps"),
    [((2, 5), range(2, 5)), ((2.0, None), range(2, 10)), (None, range(10))],
)
def test_steps_of_a_window(window: Any, steps: range) -> None:
    assert SumVar(window=window).steps(10, 1.0) == steps
    assert SumVar(window=window) == SumVar(window)
    assert SumVar(window) != AvgVar(window)


@pytest.mark.parametrize("window", [3, "no", (1,), (5, 2), (3, 3), (-1, 4), ("a", 4)])
def test_what_is_no_window(window: Any) -> None:
    with pytest.raises(ValidationError, match="SumVar: window"):
        SumVar(window=window)


@pytest.mark.parametrize(
    ("window", "message"),
    [((2.5, 5.0), "begins and ends with a time step"), ((2.0, 99.0), "0 to 48 ms")],
)
def test_windows_that_do_not_fit(window: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CASES["BPTTCompiler avg_var"].compile(WHOLE, window)


def test_several_outputs_with_windows_of_their_own() -> None:
    with Network() as network:
        source = Population("spike_input", 3)
        outputs = [
            Population(LeakyIntegrate(readout=SumVar(window)), 2)
            for window in ((0.0, 4.0), (4.0, None), None)
        ]
        for output in outputs:
            Connection(source, output, Dense(1.0))
    x = np.random.default_rng(0).random((1, 10, 3)) < 0.4
    compiled = InferenceCompiler(10).compile(network)
    predicted, _ = compiled.predict(x, outputs)
    first, second, whole = (predicted[p] for p in outputs)
    np.testing.assert_allclose(first + second, whole, rtol=1e-6)
    assert first.all() and second.all()


def test_few_spike_networks_have_no_window() -> None:
    with Network() as network:
        source = Population(FewSpikeReluInput(k=4), 3)
        output = Population(FewSpikeRelu(k=4, readout=Var((0.0, 2.0))), 2)
        Connection(source, output, Dense(1.0))
    with pytest.raises(UnsupportedError, match="leave the window out"):
        FewSpikeCompiler(k=4).compile(network)
