"""Building, caching and dropping networks, their threads, and state over batches."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.helpers import Bool, Trained, random_input, raster_of, trained

import ml_genn
from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.compilers import CompiledNetwork, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import BuildError, MlGennError, ValidationError
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

Folder = Path
STEPS = 30

needs_tasks = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="needs /proc/self/task (Linux)"
)


class Chain:
    """Input, LIF and leaky output, with the weights of a seed."""

    def __init__(self, seed: int = 0, size: int = 11) -> None:
        rng = np.random.default_rng(seed)
        with Network() as self.network:
            self.source = Population(SpikeInput(), 6, name="input")
            self.fire = Population(
                LeakyIntegrateFire(), size, name="fire", record_spikes=True
            )
            neuron = LeakyIntegrate(readout="sum_var")
            self.output = Population(neuron, 2, name="output")
            weight = rng.normal(0.2, 0.2, (6, size))
            Connection(self.source, self.fire, Dense(weight), Exponential(3.0))
            Connection(self.fire, self.output, Dense(rng.normal(0.0, 0.5, (size, 2))))
        self.x = random_input(rng, 6, examples=4, steps=STEPS)

    def compile(self, **options: Any) -> CompiledNetwork:
        settings = {"batch_size": 4, **options}
        return InferenceCompiler(STEPS, **settings).compile(self.network)

    def predict(self, compiled: CompiledNetwork) -> np.ndarray:
        return compiled.predict(self.x, callbacks=[])[0][self.output]


SCRIPT = """
import numpy as np
from engine.test_life import Chain
chain = Chain()
print(chain.predict(chain.compile(num_threads=2)).tobytes().hex())
"""


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, with ml_genn and these tests importable."""
    paths = [Path(ml_genn.__file__).parents[1], Path(__file__).parents[1]]
    path = os.pathsep.join([*map(str, paths), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": path, **changes}


def start(script: str, **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What a process printed; it has to end well."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.strip()


# ---------------------------------------------------------------- several at once


def test_several_networks_live_at_once() -> None:
    """Of the same structure and of others, used in turns."""
    chains = [Chain(0), Chain(1), Chain(2, size=5)]
    alone = [chain.predict(chain.compile()) for chain in chains]
    together = [chain.compile(num_threads=k + 1) for k, chain in enumerate(chains)]
    for _ in range(2):
        for chain, compiled, expected in zip(chains, together, alone, strict=True):
            np.testing.assert_array_equal(chain.predict(compiled), expected)
    assert not np.allclose(alone[0], alone[1])


def test_a_network_is_compiled_as_often_as_one_likes() -> None:
    """Each compiled network has weights of its own."""
    chain = Chain()
    first, second = chain.compile(), chain.compile()
    before = chain.predict(first)
    (into, _) = chain.network.connections
    second.set_weights(into, np.zeros((6, 11)))
    assert not chain.predict(second).any()
    np.testing.assert_array_equal(chain.predict(first), before)


def test_with_block_is_not_needed() -> None:
    chain = Chain()
    plain = chain.predict(chain.compile())
    with chain.compile() as compiled:
        inside = chain.predict(compiled)
    after = chain.predict(compiled)
    with compiled:
        again = chain.predict(compiled)
    for found in (inside, after, again):
        np.testing.assert_array_equal(found, plain)


def test_building_leaves_the_network_as_it_was() -> None:
    chain = Chain()
    weights = [np.array(c.connectivity.weight) for c in chain.network.connections]
    neurons = [p.neuron for p in chain.network.populations]
    chain.predict(chain.compile())
    for connection, weight in zip(chain.network.connections, weights, strict=True):
        np.testing.assert_array_equal(connection.connectivity.weight, weight)
    assert [p.neuron for p in chain.network.populations] == neurons


# ---------------------------------------------------------------- threads and memory


def count_threads() -> int:
    return len(os.listdir("/proc/self/task"))


@needs_tasks
def test_threads_end_with_their_network() -> None:
    gc.collect()
    before = count_threads()
    chain = Chain()
    first, second = chain.compile(num_threads=3), chain.compile(num_threads=2)
    assert count_threads() == before, "nothing is built before it is used"
    chain.predict(first)
    assert count_threads() == before + 2
    chain.predict(second)
    assert count_threads() == before + 3
    del first
    gc.collect()
    assert count_threads() == before + 1
    del second
    gc.collect()
    assert count_threads() == before


@needs_tasks
def test_threads_end_where_training_failed() -> None:
    gc.collect()
    before = count_threads()
    chain = Chain()
    compiled = chain.compile(num_threads=4)
    with pytest.raises(ValidationError):
        compiled.predict(chain.x[:, :5], callbacks=[])
    chain.predict(compiled)
    del compiled
    gc.collect()
    assert count_threads() == before


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@needs_tasks
def test_memory_ends_with_its_network() -> None:
    """Twelve networks in turn, with 6 MiB of state on each of their two threads."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        target = Population(LeakyIntegrate(readout="sum_var"), 1 << 19)
        Connection(source, target, Dense(1.0))
    x = np.ones((4, 3, 1), dtype=bool)

    def use() -> None:
        compiled = InferenceCompiler(3, batch_size=4, num_threads=2).compile(network)
        recorder = VarRecorder(target, "v", neuron_filter=0)
        compiled.predict(x, callbacks=[recorder])

    use()
    gc.collect()
    before = resident_bytes()
    for _ in range(12):
        use()
    gc.collect()
    assert resident_bytes() - before < 100 * 2**20


def test_a_closed_model_says_so() -> None:
    """Rather than taking the process with it."""
    script = """
from engine.test_life import Chain
from ml_genn.errors import MlGennError
chain = Chain()
compiled = chain.compile()
before = chain.predict(compiled)
compiled.model.close()
compiled.model.close()
try:
    assert (chain.predict(compiled) == before).all()
except MlGennError as error:
    assert "closed" in str(error)
print("alive")
"""
    assert finish(start(script)) == "alive"


# ---------------------------------------------------------------- compiler and cache


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ML_GENN_CACHE", str(folder))
    return folder


MakeCompiler = Callable[[str], Path]


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeCompiler:
    """Makes CXX a shell script of the given text."""

    def make(text: str) -> Path:
        path = tmp_path / "compiler"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CXX", str(path))
        return path

    return make


def logging_compiler(log: Path) -> str:
    return f'echo call >> "{log}"\nexec {os.environ.get("CXX", "g++")} "$@"'


def test_second_use_does_not_invoke_the_compiler(
    tmp_path: Path, empty_cache: Folder, compiler: MakeCompiler
) -> None:
    """Neither for other numbers, nor in another process; for another size it does."""
    log = tmp_path / "log"
    path = compiler(logging_compiler(log))
    chain = Chain()
    found = chain.predict(chain.compile())
    assert log.read_text().split() == ["call"]
    for options in (
        {"dt": 0.5},
        {"batch_size": 2},
        {"num_threads": 3},
        {"rng_seed": 4},
    ):
        chain.predict(chain.compile(**options))
    other = Chain(seed=5)
    other.predict(other.compile())
    printed = finish(start(SCRIPT, CXX=str(path)))
    assert printed == found.tobytes().hex()
    assert log.read_text().split() == ["call"]
    larger = Chain(size=12)
    larger.predict(larger.compile())
    assert log.read_text().split() == ["call", "call"]
    assert len(list(empty_cache.glob("*.so"))) == 2


def test_another_compiler_or_flag_builds_anew(
    tmp_path: Path,
    empty_cache: Folder,
    compiler: MakeCompiler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CXX may have arguments, which belong to what is cached."""
    log = tmp_path / "log"
    path = compiler(logging_compiler(log))
    chain = Chain()
    first = chain.predict(chain.compile())
    monkeypatch.setenv("CXX", f"{path} -DUNUSED=1")
    second = chain.predict(chain.compile())
    assert log.read_text().split() == ["call", "call"]
    np.testing.assert_array_equal(first, second)


def test_two_processes_build_the_same_at_the_same_moment(empty_cache: Folder) -> None:
    running = [start(SCRIPT) for _ in range(2)]
    printed = [finish(process) for process in running]
    assert printed[0] == printed[1] != ""
    assert len(list(empty_cache.glob("*.so"))) == 1
    assert not list(empty_cache.glob("build-*"))
    left = {path.suffix for path in empty_cache.iterdir()}
    assert left <= {".so", ".cpp", ".derived"}


def test_spoilt_derivations_are_derived_again(empty_cache: Folder) -> None:
    """What the cache holds besides libraries is made anew where it cannot be read."""
    expected = finish(start(SCRIPT))
    kept = sorted(empty_cache.glob("*.derived"))
    whole = [path.read_bytes() for path in kept]
    assert len(kept) >= 2
    kept[0].write_bytes(b"")
    kept[1].write_bytes(whole[1][: len(whole[1]) // 2])
    assert finish(start(SCRIPT)) == expected != ""
    assert all(pickle.loads(path.read_bytes()) for path in kept)


def test_a_compiler_that_is_not_there(
    empty_cache: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler --fast")
    chain = Chain()
    with pytest.raises(BuildError, match="no-such-compiler") as caught:
        chain.predict(chain.compile())
    assert "unset" in str(caught.value)
    monkeypatch.undo()
    assert np.isfinite(chain.predict(chain.compile())).all()


def test_no_compiler_at_all(
    tmp_path: Path, empty_cache: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    chain = Chain()
    with pytest.raises(BuildError, match="No C\\+\\+ compiler") as caught:
        chain.compile().model  # noqa: B018
    assert "apt install g++" in str(caught.value)
    assert "pip install ziglang" in str(caught.value)


def test_a_compile_that_fails(empty_cache: Folder, compiler: MakeCompiler) -> None:
    """The error has the compiler's words and the path of the source that is kept."""
    compiler('echo "model.cpp:7: error: strange machine" >&2\nexit 3')
    chain = Chain()
    with pytest.raises(BuildError, match="strange machine") as caught:
        chain.compile().model  # noqa: B018
    (source,) = empty_cache.glob("*.cpp")
    assert str(source) in str(caught.value)
    assert "ml_genn_engine.h" in source.read_text()
    assert not list(empty_cache.glob("*.so"))
    assert not list(empty_cache.glob("build-*"))


def test_a_compiler_that_writes_nothing(
    empty_cache: Folder, compiler: MakeCompiler
) -> None:
    compiler("exit 0")
    chain = Chain()
    with pytest.raises(BuildError):
        chain.compile().model  # noqa: B018


def test_a_library_that_cannot_be_loaded(
    empty_cache: Folder, compiler: MakeCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a compiler for other machines; it is named, and not kept for later."""
    compiler('for last; do :; done\necho "not a library" > "$last"')
    chain = Chain()
    with pytest.raises(BuildError):
        chain.compile().model  # noqa: B018


def test_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are kept in a private folder among temporary files instead."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ML_GENN_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chain = Chain()
    chain.predict(chain.compile())
    (library,) = tmp_path.glob("*/*.so")
    assert str(os.getuid()) in library.parent.name
    assert library.parent.stat().st_mode & 0o777 == 0o700


# ---------------------------------------------------------------- reproducibility


def test_threads_are_as_many_as_the_process_may_use() -> None:
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    assert Chain().compile().model.num_threads == len(cores)
    assert Chain().compile(num_threads=5).model.num_threads == 5


@pytest.mark.parametrize("num_threads", [0, -1, 1.5, True, "2"])
def test_number_of_threads_is_checked(num_threads: Any) -> None:
    with pytest.raises(ValidationError, match="num_threads is a whole number"):
        Chain().compile(num_threads=num_threads)


@cache
def learner() -> Trained:
    return trained(examples=20)


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_training_twice_is_the_same_to_the_last_bit(num_threads: int) -> None:
    """Fifty batches in random order, the same random order both times."""
    net, runs = learner(), []
    for _ in range(2):
        np.random.seed(3)
        compiled = net.compile(num_threads=num_threads)
        metrics, _ = compiled.train(
            {net.source: net.x}, {net.output: net.y}, num_epochs=10, callbacks=[]
        )
        runs.append((metrics.loss, net.weights(compiled)))
    assert runs[0][0] == runs[1][0]
    for first, second in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_array_equal(first, second)


@cache
def sizes_of_terms() -> list[np.ndarray]:
    """For each connection the sum of the absolute gradients of the examples."""
    net = learner()
    compiled = net.compile(num_threads=1)
    each = [
        compiled.gradients(
            {net.source: net.x[k : k + 1]}, {net.output: net.y[k : k + 1]}
        )
        for k in range(len(net.x))
    ]
    return [
        sum(np.abs(gradients[c]) for gradients in each) / len(each)
        for c in net.network.connections
    ]


@pytest.mark.parametrize("num_threads", [2, 3])
def test_threads_change_only_the_order_of_a_sum(num_threads: int) -> None:
    """Spikes are identical, gradients equal to 1e-6 of the terms that they sum."""
    net, found = learner(), []
    for threads in (1, num_threads):
        compiled = net.compile(num_threads=threads, batch_size=20)
        gradients = compiled.gradients({net.source: net.x}, {net.output: net.y})
        recorder = SpikeRecorder(net.hidden)
        _, data = compiled.evaluate(
            {net.source: net.x}, {net.output: net.y}, callbacks=[recorder]
        )
        found.append((gradients, raster_of(data[0], 20, 10)))
    (one, spikes), (several, others) = found
    assert spikes.sum() > 100
    np.testing.assert_array_equal(others, spikes)
    for connection, size in zip(net.network.connections, sizes_of_terms(), strict=True):
        assert size.max() > 1e-4
        difference = np.abs(several[connection] - one[connection])
        assert np.all(difference <= 1e-6 * size)


# ---------------------------------------------------------------- state over batches


READOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sum_var": lambda v: v.sum(axis=1),
    "avg_var": lambda v: v.mean(axis=1),
    "max_var": lambda v: np.maximum(v.max(axis=1), 0.0),
    "var": lambda v: v[:, -1],
}


def carried(
    parts: list[Bool], delay: Any
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Spikes, potentials and readouts of batches that carry on from each other.

    ``parts`` are one batch each, (examples, steps, inputs); what comes back has one
    batch after the other along the axis of steps, readouts along the first axis.
    """
    rng = np.random.default_rng(1)
    into, out = rng.normal(0.2, 0.2, (6, 4)), rng.normal(0.0, 0.5, (4, 2))
    with Network() as network:
        source = Population(SpikeInput(), 6, name="input")
        neuron = LeakyIntegrateFire(tau_refrac=4.0)
        fire = Population(neuron, 4, name="fire", record_spikes=True)
        Connection(source, fire, Dense(into, delay), Exponential(2.0))
        outputs = {
            name: Population(LeakyIntegrate(readout=name), 2) for name in READOUTS
        }
        for output in outputs.values():
            Connection(fire, output, Dense(out))
    examples, steps = parts[0].shape[:2]
    compiler = InferenceCompiler(
        steps, batch_size=examples, num_threads=2, reset_vars_between_batches=False
    )
    recorders = [SpikeRecorder(fire, "spikes"), VarRecorder(outputs["var"], "v", "v")]
    predictions, data = compiler.compile(network).predict(
        np.concatenate(parts), callbacks=recorders
    )
    spikes, v = [
        np.concatenate(np.split(np.asarray(values), len(parts)), axis=1)
        for values in (raster_of(data["spikes"], steps, 4), data["v"])
    ]
    return spikes, v, {name: predictions[p] for name, p in outputs.items()}


def halves(silent: int) -> tuple[Bool, list[Bool]]:
    """Input of 40 steps, and in parts of 20 that end with some silent steps."""
    whole = random_input(np.random.default_rng(2), 6, 0.3, examples=3, steps=40)
    parts = np.split(whole, 2, axis=1)
    for part in parts:
        part[:, 20 - silent :] = False
    return np.concatenate(parts, axis=1), parts


def test_state_is_carried_over_batches() -> None:
    """Nothing being under way between them, two batches are one of twice the length."""
    whole, parts = halves(silent=15)
    spikes, v, _ = carried([whole], 0)
    assert spikes[:, 20:].sum() > 10
    assert not spikes[:, 19].any()
    found, potential, _ = carried(parts, 0)
    np.testing.assert_array_equal(found, spikes)
    np.testing.assert_allclose(potential, v, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "delay", [0, 3, np.arange(24).reshape(6, 4) % 7], ids=["none", "3", "synapses'"]
)
def test_spikes_under_way_are_carried_over_batches(delay: Any) -> None:
    """Synapses are not reset, so what they have been sent arrives in the next batch."""
    whole, parts = halves(silent=0)
    spikes, v, _ = carried([whole], delay)
    found, potential, _ = carried(parts, delay)
    np.testing.assert_array_equal(found, spikes)
    np.testing.assert_allclose(potential, v, rtol=1e-5, atol=1e-6)


def test_readouts_start_anew_in_each_batch() -> None:
    _, parts = halves(silent=15)
    _, v, found = carried(parts, 0)
    for name, reduce in READOUTS.items():
        expected = np.concatenate([reduce(part) for part in np.split(v, 2, axis=1)])
        np.testing.assert_allclose(
            found[name], expected, rtol=1e-5, atol=1e-5, err_msg=name
        )


def test_the_first_batch_starts_in_the_initial_state() -> None:
    """Whatever was in the memory before."""
    chain = Chain()
    expected = chain.predict(chain.compile())
    for _ in range(3):
        fresh = chain.compile(reset_vars_between_batches=False)
        np.testing.assert_array_equal(chain.predict(fresh), expected)


def test_state_is_reset_unless_asked_otherwise() -> None:
    chain = Chain()
    compiled = chain.compile()
    first, second = chain.predict(compiled), chain.predict(compiled)
    np.testing.assert_array_equal(first, second)


def test_time_starts_anew_in_each_batch() -> None:
    with pytest.raises(MlGennError, match="reset_time_between_batches"):
        InferenceCompiler(5, reset_time_between_batches=False)
