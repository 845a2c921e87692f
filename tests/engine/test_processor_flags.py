"""Code for other processors of this kind gives the same gradients."""

import platform
import shutil
from pathlib import Path

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Conv2D, Dense, Sparse
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

STEPS, SIDE, EXAMPLES = 30, 6, 5
WRAPPER = """#!/bin/sh
for word do
    shift
    case $word in
        -march=*) set -- "$@" -march={march} ;;
        -mprefer-vector-width=*) ;;
        *) set -- "$@" "$word" ;;
    esac
done
touch "$0.used"
exec {compiler} "$@"
"""


def gradients(compiler):
    """Of a network with dense, listed and shared weights, always the same."""
    rng = np.random.default_rng(1)
    weights = [
        rng.normal(0.6, 0.5, (3, 3, 1, 20)),
        rng.normal(0.0, 0.1, (320, 320)),
        rng.normal(0.0, 0.3, (320, 5)),
    ]
    with Network() as network:
        inputs = Population("spike_input", (SIDE, SIDE, 1))
        hidden = Population("leaky_integrate_fire", (4, 4, 20))
        output = Population(LeakyIntegrate(readout="avg_var"), 5)
        synapse = Exponential(5.0)
        Connection(inputs, hidden, Conv2D(weights[0], 20, 3), synapse)
        for target, weight in ((hidden, weights[1]), (output, weights[2])):
            Connection(hidden, target, Dense(weight), synapse)
        listed = Sparse(*np.nonzero(rng.random((320, 320)) < 0.1), Normal(0.0, 0.2))
        Connection(hidden, hidden, listed, synapse)
    rng = np.random.default_rng(2)
    x = [
        preprocess_spikes(
            np.sort(rng.integers(0, STEPS, 60)), rng.integers(0, 36, 60), 36
        )
        for _ in range(EXAMPLES)
    ]
    options = {"batch_size": EXAMPLES, "num_threads": 1}
    compiled = compiler(STEPS, "sparse_categorical_crossentropy", **options)
    grads = compiled.compile(network).gradients(x, np.arange(EXAMPLES))
    return list(grads.values())


@pytest.mark.parametrize("compiler", [EventPropCompiler, BPTTCompiler])
@pytest.mark.parametrize("march, needs", [("x86-64", "sse2"), ("haswell", "avx2")])
def test_registers_of_other_widths(march, needs, compiler, tmp_path, monkeypatch):
    path = shutil.which("g++")
    if platform.machine() != "x86_64" or path is None:
        pytest.skip("needs g++ on x86-64")
    if needs not in Path("/proc/cpuinfo").read_text():
        pytest.skip(f"needs a processor with {needs}")
    expected = gradients(compiler)
    wrapper = tmp_path / "compiler"
    wrapper.write_text(WRAPPER.format(march=march, compiler=path))
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", str(wrapper))
    actual = gradients(compiler)
    assert wrapper.with_name("compiler.used").exists()
    for one, other in zip(actual, expected, strict=True):
        assert np.abs(other).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
