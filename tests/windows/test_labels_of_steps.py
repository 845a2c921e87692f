"""Labels that change in time, and steps without a label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import ValidationError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.readouts import SumVar
from ml_genn.synapses import Delta, Exponential

STEPS, INPUTS, OUTPUTS, EXAMPLES = 24, 10, 3, 4
EACH_STEP = {"per_timestep_loss": True}
RULES: dict[str, tuple[Any, dict[str, Any]]] = {
    "EventProp": (EventPropCompiler, EACH_STEP),
    "BPTT": (BPTTCompiler, EACH_STEP),
    "e-prop": (EPropCompiler, {}),
    "e-prop online": (EPropCompiler, {"mode": "online"}),
}


def compiled(rule: str, window: Any = None, **more: Any) -> Any:
    """A network with a loss in each step, or in each step of a window."""
    compiler, settings = RULES[rule]
    synapse: Any = Delta() if compiler is EPropCompiler else Exponential(5.0)
    with Network() as network:
        source = Population("spike_input", INPUTS)
        hidden = Population(LeakyIntegrateFire(v_thresh=0.6), 8)
        output = Population(LeakyIntegrate(readout=SumVar(window)), OUTPUTS)
        for ends in ((source, hidden), (hidden, hidden), (hidden, output)):
            Connection(*ends, Dense(Normal(0.2, 0.3)), synapse)
    settings = {"batch_size": EXAMPLES, "num_threads": 1, **settings, **more}
    return compiler(STEPS, "sparse_categorical_crossentropy", **settings).compile(
        network
    )


def inputs() -> np.ndarray:
    """Spikes of all examples."""
    return np.random.default_rng(1).random((EXAMPLES, STEPS, INPUTS)) < 0.2


def frames() -> np.ndarray:
    """Labels of all steps; each example has labels in some steps of its own."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, OUTPUTS, (EXAMPLES, STEPS))
    for k, example in enumerate(labels):
        example[: 3 * k] = example[STEPS - 2 * k - 1 :] = -1
    return labels


def assert_equal(received: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """Gradients are equal up to rounding."""
    for r, e in zip(received.values(), expected.values(), strict=True):
        scale = np.abs(e).max()
        assert scale > 0
        np.testing.assert_allclose(r, e, rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("rule", RULES)
def test_the_same_label_in_all_steps(rule: str) -> None:
    network, y = compiled(rule), np.arange(EXAMPLES) % OUTPUTS
    expected = network.gradients(inputs(), y)
    assert_equal(
        network.gradients(inputs(), np.repeat(y[:, None], STEPS, axis=1)), expected
    )


@pytest.mark.parametrize("rule", RULES)
def test_steps_without_labels_are_outside_a_window(rule: str) -> None:
    y = np.arange(EXAMPLES) % OUTPUTS
    of_steps = np.full((EXAMPLES, STEPS), -1)
    of_steps[:, 5:18] = y[:, None]
    expected = compiled(rule, (5.0, 18.0)).gradients(inputs(), y)
    assert_equal(compiled(rule).gradients(inputs(), of_steps), expected)


def test_gradients_are_means_over_examples_with_labels_of_their_own() -> None:
    network, x, y = compiled("BPTT"), inputs(), frames()
    of_all = network.gradients(x, y)
    each = [network.gradients(x[k : k + 1], y[k : k + 1]) for k in range(EXAMPLES)]
    means = {key: np.mean([g[key] for g in each], axis=0) for key in of_all}
    assert_equal(of_all, means)


@pytest.mark.parametrize("window", [None, (4.0, 20.0)])
def test_accuracy_of_labelled_steps(window: Any) -> None:
    network, x, y = compiled("BPTT", window), inputs(), frames()
    (output,) = network.outputs
    seen = y if window is None else y[:, 4:20]
    metrics, _ = network.evaluate(x, y, callbacks=[])
    assert metrics[output].total == np.sum(seen >= 0)
    always = np.full_like(y, 1)
    share = network.evaluate(x, always, "confusion_matrix", callbacks=[])[0]
    assert share[output].result[1].sum() == seen.size


def test_training_on_labels_of_steps_lowers_the_loss() -> None:
    network = compiled("BPTT", optimiser="adam")
    x, y = inputs(), frames()
    before = network.evaluate(x, y, callbacks=[])[0].loss
    network.train(x, y, num_epochs=30, callbacks=[])
    assert network.evaluate(x, y, callbacks=[])[0].loss < before


def test_labels_that_are_refused() -> None:
    wrong = frames()
    wrong[0, 0] = OUTPUTS
    with pytest.raises(ValidationError, match="whole numbers from 0 to 2"):
        compiled("BPTT").gradients(inputs(), wrong)
    once = compiled("BPTT", per_timestep_loss=False)
    with pytest.raises(ValidationError, match="one whole number per example"):
        once.gradients(inputs(), frames())
