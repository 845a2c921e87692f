"""The pages on adding one's own are followed: their code does what they say."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from docs.pages import DOCS, ROOT, blocks, run

import ml_genn
from ml_genn import Connection, Network, Population
from ml_genn.backends import BUILT_IN, api, get_backend
from ml_genn.backends.pygenn.lowering.synapses.formats import genn_format
from ml_genn.codegen.formats import format_code
from ml_genn.compilers import (
    BPTTCompiler,
    EventPropCompiler,
    InferenceCompiler,
    TrainingCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import UnknownNameError, UnsupportedError, ValidationError
from ml_genn.model.plan import SynapseFormat, SynapseGroup
from ml_genn.model.spike_gradients import SpikeGradient
from ml_genn.neurons import IntegrateFire, LeakyIntegrate
from ml_genn.synapses import Exponential

EXTENDING = DOCS / "extending"
X = np.random.default_rng(0).random((4, 50, 6)) < 0.2
Y = np.array([0, 1, 1, 0])


def small(recurrent: bool = False) -> Network:
    """Six inputs, five hidden neurons, two outputs."""
    rng = np.random.default_rng(1)
    with Network() as network:
        inputs = Population("spike_input", 6)
        hidden = Population("leaky_integrate_fire", 5)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        first = Dense(rng.normal(1.0, 0.5, (6, 5)))
        Connection(inputs, hidden, first, Exponential(5.0))
        if recurrent:
            Connection(hidden, hidden, Dense(0.1), Exponential(5.0), name="loop")
        second = Dense(rng.normal(0.0, 0.5, (5, 2)))
        Connection(hidden, output, second, Exponential(5.0))
    return network


class Package:
    """A package that is imported from a folder, with entry points as if installed.

    Args:
        folder: empty folder that is on ``sys.path``.
    """

    NAME = "my_package"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / self.NAME).mkdir()
        (folder / self.NAME / "__init__.py").touch()
        self._information = folder / f"{self.NAME}-1.0.dist-info"
        self._information.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {self.NAME}\nVersion: 1.0\n"
        (self._information / "METADATA").write_text(metadata)

    def module(self, name: str, code: str) -> ModuleType:
        """Writes a module and imports it."""
        (self.folder / self.NAME / f"{name}.py").write_text(code)
        importlib.invalidate_caches()
        return importlib.import_module(f"{self.NAME}.{name}")

    def entry_points(self, pyproject: str) -> None:
        """Installs the entry points of a ``pyproject.toml``."""
        groups = tomllib.loads(pyproject)["project"]["entry-points"]
        lines = []
        for group, points in groups.items():
            lines += [f"[{group}]", *(f"{k} = {v}" for k, v in points.items())]
        (self._information / "entry_points.txt").write_text("\n".join(lines))
        importlib.invalidate_caches()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """An empty package, which is forgotten after the test."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield Package(folder)
    for name in [name for name in sys.modules if name.split(".")[0] == Package.NAME]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def neuron_blocks() -> list[str]:
    """Code of the page on neurons: a neuron, its use, and a synapse."""
    return blocks(EXTENDING / "neuron.md")


def test_a_neuron_learns_its_parameters(
    neuron_blocks: list[str], package: Package, tmp_path: Path
) -> None:
    """It learns its time constant, and is the same after it was saved and loaded."""
    definition, use, _ = neuron_blocks
    neuron = package.module("quadratic_integrate_fire", definition)
    names = run(use, {})
    compiled = names["compiled"]
    compiled.train(X, Y, num_epochs=5, callbacks=[])
    assert float(compiled.parameter(names["hidden"], "tau_mem")) != 10.0
    path = tmp_path / "quadratic.safetensors"
    ml_genn.save_model(compiled, path)
    custom = {"QuadraticIntegrateFire": neuron.QuadraticIntegrateFire}
    again = ml_genn.load_model(path, custom)
    expected, results = (
        next(iter(c.predict(X, callbacks=[])[0].values())) for c in (compiled, again)
    )
    np.testing.assert_array_equal(results, expected)


def test_declarations_check_and_document_a_neuron(
    neuron_blocks: list[str], package: Package
) -> None:
    """Bad values are refused, and docstring and network defaults know the arguments."""
    module = package.module("quadratic_integrate_fire", neuron_blocks[0])
    cls = module.QuadraticIntegrateFire
    with pytest.raises(ValidationError, match=r"tau_mem is greater than 0 \[ms\]"):
        cls(tau_mem=-1.0)
    with pytest.raises(ValidationError, match="v_peak is a number or an array"):
        cls(v_peak=object())
    assert (
        "tau_mem: membrane time constant [ms], above 0, 10 by default." in cls.__doc__
    )
    assert cls(1.0, tau_mem=5.0).parameters() == {
        "v_peak": 1.0,
        "v_reset": -1.0,
        "tau_mem": 5.0,
    }
    with Network({cls: {"tau_mem": 7.0}}):
        assert cls().tau_mem == 7.0


def test_a_synapse_has_the_course_of_its_equations(
    neuron_blocks: list[str], package: Package
) -> None:
    """The input of a spike is the difference of two exponentials."""
    synapse = package.module("double_exponential", neuron_blocks[2]).DoubleExponential
    steps, tau, tau_rise = 200, 20.0, 10.0
    with Network() as network:
        inputs = Population("spike_input", 1)
        output = Population(IntegrateFire(v_thresh=1e6, readout="var"), 1)
        Connection(inputs, output, Dense(1.0), synapse(tau, tau_rise=tau_rise))
    compiled = InferenceCompiler(steps).compile(network)
    spikes = np.zeros((1, steps, 1), dtype=bool)
    spikes[0, 0] = True
    ((total,),) = compiled.predict(spikes, callbacks=[])[0][output]
    # Integral over all time; the rest after 200 ms and Euler steps make the tolerance.
    assert total == pytest.approx(tau_rise, rel=0.06)


@pytest.fixture(scope="module")
def loss_blocks() -> list[str]:
    """Code of the page on losses: a loss, its use, and two further losses."""
    return blocks(EXTENDING / "loss.md")


def loss_value(compiled: Any, y: np.ndarray) -> float:
    """Loss that the engine computes of the examples X."""
    metrics, _ = compiled.evaluate(X, y, metrics="mean_square_error", callbacks=[])
    return float(metrics.loss)


def outputs_of(compiled: Any) -> np.ndarray:
    """Results (examples, neurons) of the only output."""
    (outputs,) = compiled.predict(X, callbacks=[])[0].values()
    return np.asarray(outputs, dtype=np.float64)


def test_a_loss_from_an_expression(loss_blocks: list[str], package: Package) -> None:
    """The engine computes the expression, and training makes it smaller."""
    definition, use, *_ = loss_blocks
    huber = package.module("huber", definition).Huber
    values = np.random.default_rng(2).normal(0.0, 2.0, (4, 2))
    compiled = run(use, {"Huber": huber})["compiled"]
    losses = compiled.history["loss"]
    assert losses[-1] < losses[0]
    error = np.abs(outputs_of(compiled) - values)
    expected = np.where(error < 1, error**2 / 2, error - 0.5).mean()
    assert loss_value(compiled, values) == pytest.approx(expected, rel=1e-5)


def test_a_loss_with_other_targets(loss_blocks: list[str], package: Package) -> None:
    """The loss of labels is that of the values that follow from them."""
    loss = package.module("labels", loss_blocks[2]).LabelMeanSquareError(correct=2.0)
    compiled = BPTTCompiler(50, loss).compile(small())
    values = np.where(np.arange(2) == Y[:, None], 2.0, 0.0)
    expected = np.mean((outputs_of(compiled) - values) ** 2)
    metrics, _ = compiled.evaluate(
        X, Y, metrics="sparse_categorical_accuracy", callbacks=[]
    )
    assert metrics.loss == pytest.approx(expected, rel=1e-5)


def test_a_loss_of_all_outputs(loss_blocks: list[str], package: Package) -> None:
    """Its C++ and its NumPy form have the same value and gradients that fit."""
    loss = package.module("length", loss_blocks[3]).ErrorLength()
    values = np.random.default_rng(2).normal(0.0, 2.0, (4, 2))
    compiled = BPTTCompiler(50, loss).compile(small())
    expected, _ = loss.FORMULA.numpy(outputs_of(compiled), values, 1.0)
    assert loss_value(compiled, values) == pytest.approx(expected.mean(), rel=1e-5)
    compiled.train(X, values, num_epochs=20, metrics="mean_square_error", callbacks=[])
    losses = compiled.history["loss"]
    assert losses[-1] < losses[0]


@pytest.fixture(scope="module")
def connectivity_blocks() -> list[str]:
    """Code of the page on connectivity: pairs, their use, a kernel, and a format."""
    return blocks(EXTENDING / "connectivity.md")


def test_connectivity_of_pairs(
    connectivity_blocks: list[str],
    package: Package,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neighbours are those on the ring; weights learn, and are saved and loaded."""
    definition, use, *_ = connectivity_blocks
    ring_class = package.module("ring", definition).Ring
    names = run(use, {})
    assert "(48,)" in capsys.readouterr().out
    compiled, ring = names["compiled"], names["ring"]
    assert (
        repr(ring.connectivity)
        == "Ring(reach=2, weight=Normal(mean=0.8, sd=0.1), delay=0)"
    )
    pre, post = compiled.indices(ring)
    distance = np.minimum((post - pre) % 12, (pre - post) % 12)
    assert sorted(set(distance)) == [1, 2]
    before = compiled.weights(ring)
    x = np.random.default_rng(0).random((4, 50, 12)) < 0.2
    compiled.train(x, Y, num_epochs=2, callbacks=[])
    assert np.any(compiled.weights(ring) != before)
    path = tmp_path / "ring.safetensors"
    ml_genn.save_model(compiled, path)
    again = ml_genn.load_model(path, {"Ring": ring_class})
    for expected, results in zip(
        compiled.predict(x, callbacks=[])[0].values(),
        again.predict(x, callbacks=[])[0].values(),
        strict=True,
    ):
        np.testing.assert_array_equal(results, expected)


def test_connectivity_of_pairs_checks_shapes(
    connectivity_blocks: list[str], package: Package
) -> None:
    ring_class = package.module("ring", connectivity_blocks[0]).Ring
    with Network(), pytest.raises(ValidationError, match="Ring: both populations"):
        a, b = Population("spike_input", 4), Population("leaky_integrate_fire", 4)
        Connection(a, b, ring_class(2, 1.0))


def test_connectivity_of_a_kernel(
    connectivity_blocks: list[str], package: Package
) -> None:
    """The input of a pixel is four times its spikes minus those of its neighbours."""
    edges = package.module("edge_filter", connectivity_blocks[2]).EdgeFilter
    shape = (5, 4, 1)
    with Network() as network:
        inputs = Population("spike_input", shape)
        output = Population(IntegrateFire(v_thresh=1e6, readout="var"))
        Connection(inputs, output, edges(0.5))
    compiled = InferenceCompiler(3).compile(network)
    image = np.random.default_rng(0).random((1, *shape)) < 0.5
    spikes = np.zeros((1, 3, *shape), dtype=bool)
    spikes[:, 0] = image
    (results,) = compiled.predict(spikes, callbacks=[])[0][output]
    padded = np.pad(image[0, ..., 0].astype(float), 1)
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1]
    neighbours += padded[1:-1, :-2] + padded[1:-1, 2:]
    expected = 0.5 * (4 * padded[1:-1, 1:-1] - neighbours)
    np.testing.assert_allclose(results.reshape(shape[:2]), expected, atol=1e-6)


def ring_network(*rings: Any) -> Network:
    """Twelve inputs and twelve hidden neurons on rings, and two outputs.

    Args:
        *rings: connectivity from inputs (two) and between hidden neurons.
    """
    first, second, loop = rings
    weights = np.random.default_rng(2).normal(0.0, 0.5, (12, 2))
    with Network() as network:
        inputs = Population("spike_input", 12)
        hidden = Population("leaky_integrate_fire", 12)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        Connection(inputs, hidden, first, Exponential(5.0), name="first")
        Connection(inputs, hidden, second, Exponential(5.0), name="second")
        Connection(hidden, hidden, loop, Exponential(5.0), name="loop")
        Connection(hidden, output, Dense(weights), Exponential(5.0), name="out")
    return network


@pytest.fixture
def rings(
    connectivity_blocks: list[str], package: Package
) -> tuple[type, type, np.ndarray]:
    """The two classes of rings, and where weights of rows are among those of pairs."""
    ring = package.module("ring", connectivity_blocks[0]).Ring
    rows = package.module("ring_format", connectivity_blocks[3]).RingOfRows
    with Network():
        a, b = Population("spike_input", 12), Population("leaky_integrate_fire", 12)
    source, target = ring(2, 1.0).indices(a, b, np.random.default_rng())
    distance = (target - source + 6) % 12 - 6
    return ring, rows, source * 4 + distance + 2 - (distance > 0)


@pytest.mark.parametrize("compiler", [EventPropCompiler, BPTTCompiler])
def test_a_format_of_its_own_trains_as_csr(
    rings: tuple[type, type, np.ndarray], compiler: type, tmp_path: Path
) -> None:
    """Gradients and trained weights, without delay, with one and with one for each
    synapse, are those of CSR; a model in a file has them too."""
    ring, rows, order = rings
    rng = np.random.default_rng(3)
    weights = [rng.normal(mean, 0.7, (12, 4)) for mean in (1.0, 0.5, 0.0)]
    delays = [0, 3, rng.integers(0, 5, (12, 4))]
    x = rng.random((4, 50, 12)) < 0.2
    options = {"batch_size": 4, "num_threads": 1}

    def trained(cls: type, flat: Any) -> dict[str, np.ndarray]:
        pairs = zip(weights, delays, strict=True)
        network = ring_network(
            *(cls(2, flat(w), flat(d) if np.ndim(d) else d) for w, d in pairs)
        )
        compiled = compiler(50, "sparse_categorical_crossentropy", **options)
        compiled = compiled.compile(network)
        gradients = compiled.gradients(x, Y)
        results = {f"dL/d{c}": np.asarray(g) for c, g in gradients.items()}
        compiled.train(x, Y, num_epochs=10, callbacks=[])
        for c in network.connections:
            results[f"weights of {c}"] = compiled.weights(c)
        ml_genn.save_model(compiled, tmp_path / "model.safetensors")
        return results

    expected = trained(ring, lambda values: values.reshape(-1)[order])
    results = trained(rows, lambda values: values)
    for name, values in results.items():
        values = values.reshape(-1)[order] if values.shape == (12, 4) else values
        assert np.any(values), name
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-6)
    loaded = ml_genn.load_model(tmp_path / "model.safetensors", {"RingOfRows": rows})
    for connection in loaded.network.connections:
        np.testing.assert_array_equal(
            loaded.weights(connection), results[f"weights of {connection}"]
        )


@pytest.mark.parametrize("backend", ["cpu", "pygenn"])
def test_a_format_without_loops_is_refused(backend: str) -> None:
    class Bare(SynapseFormat):
        def weights_shape(self, *sizes: int) -> tuple[int, ...]:
            return (sizes[0] * sizes[1],)

    synapses = SynapseGroup("first", "a", "b", port=0, format=Bare("bare"))
    code = {"cpu": format_code, "pygenn": genn_format}[backend]
    with pytest.raises(UnsupportedError, match=r"Connection 'first'.* 'bare'"):
        code(synapses)


@pytest.fixture(scope="module")
def compiler_blocks() -> list[str]:
    """Code of the page on compilers: a surrogate, its use, and a rule of its own."""
    return blocks(EXTENDING / "compiler.md")


def gradients(compiler: Any, recurrent: bool = False) -> dict[str, np.ndarray]:
    """{connection: gradient of its weights} of the examples X and Y."""
    compiled = compiler.compile(small(recurrent))
    return {str(c): np.asarray(g) for c, g in compiled.gradients(X, Y).items()}


def test_a_compiler_with_a_surrogate_derivative(
    compiler_blocks: list[str], package: Package
) -> None:
    """Its entry point makes it available; its gradients are those of BPTT."""
    definition, use, _ = compiler_blocks
    package.module("bell_compiler", definition)
    package.entry_points(*blocks(EXTENDING / "compiler.md", "toml"))
    names = run(use, {})
    losses = names["compiled"].history["loss"]
    assert losses[-1] < losses[0]
    bell = names["compiler"]
    bptt = BPTTCompiler(
        50, "sparse_categorical_crossentropy", surrogate="exp(-(u / 0.8)**2)"
    )
    expected = gradients(bptt)
    for name, gradient in gradients(bell).items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-3, atol=1e-5)
    cut, full = (gradients(c, recurrent=True)["Conn_Pop0_Pop1"] for c in (bell, bptt))
    assert np.any(np.abs(cut - full) > 1e-4)


def test_a_compiler_with_mathematics_of_its_own(
    compiler_blocks: list[str], package: Package
) -> None:
    """Gradients of hidden weights are damped, those of the output are exact."""
    module = package.module("damped", compiler_blocks[2])
    loss = "sparse_categorical_crossentropy"
    damped = gradients(module.DampedEventPropCompiler(50, loss, factor=0.25))
    exact = gradients(EventPropCompiler(50, loss))
    assert np.any(exact["Conn_Pop0_Pop1"] != 0)
    for name, factor in (("Conn_Pop0_Pop1", 0.25), ("Conn_Pop1_Pop2", 1.0)):
        expected = factor * exact[name]
        np.testing.assert_allclose(damped[name], expected, rtol=1e-4, atol=1e-7)


def test_the_page_on_compilers_names_all_that_a_rule_says() -> None:
    text = (EXTENDING / "compiler.md").read_text()
    named = set(re.findall(r"`(\w+)", text))
    members = {n for n in vars(TrainingCompiler) if not n.startswith("_")}
    assert members - {"compile"} <= named
    assert {n for n in vars(SpikeGradient) if not n.startswith("_")} <= named


def test_a_backend_of_a_package_is_loaded(
    package: Package, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compilers load the backend by its name, and it has the results of the engine."""
    page = EXTENDING / "backend.md"
    module, use, source = blocks(page)
    package.module("logged", module)
    (pyproject,) = blocks(page, "toml")
    package.entry_points(pyproject)
    names = run(use, {})
    assert "Pop1: 5 neurons" in capsys.readouterr().out
    usual = InferenceCompiler(20, backend="cpu").compile(names["network"])
    for results, expected in zip(
        names["compiled"].predict(X[:, :20], callbacks=[])[0].values(),
        usual.predict(X[:, :20], callbacks=[])[0].values(),
        strict=True,
    ):
        np.testing.assert_array_equal(results, expected)
    assert "void" in run(source, names)["text"]
    with pytest.raises(UnknownNameError, match="logged"):
        InferenceCompiler(20, backend="loged")


def test_an_entry_point_that_is_no_backend_is_refused(package: Package) -> None:
    package.module("empty", "BACKEND = object()\n")
    package.entry_points(
        '[project.entry-points."ml_genn.backends"]\nempty = "my_package.empty:BACKEND"'
    )
    with pytest.raises(UnsupportedError, match="is no backend, since it has no name"):
        get_backend("empty")


def test_our_backends_are_entry_points() -> None:
    """The table for an uninstalled ml_genn has the entry points of pyproject.toml."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert pyproject["project"]["entry-points"]["ml_genn.backends"] == BUILT_IN


def test_the_page_on_backends_names_every_method() -> None:
    text = (EXTENDING / "backend.md").read_text()
    named = set(re.findall(r"`(\w+)", text))
    for protocol in (api.Backend, api.Model, api.Processes):
        members = {n for n in dir(protocol) if not n.startswith("_")}
        members |= set(protocol.__annotations__)
        assert members <= named, protocol.__name__


@pytest.mark.parametrize("page", sorted(EXTENDING.glob("*.md")), ids=lambda p: p.stem)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:ml_genn|ml_genn_eprop|tests)/[\w/.]+)`", page.read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
