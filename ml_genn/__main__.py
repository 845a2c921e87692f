"""Report about an installation: ``python -m ml_genn``."""

from __future__ import annotations

import argparse
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

import ml_genn
from ml_genn.backends.cpu.toolchain import find_compiler
from ml_genn.backends.cuda.device import gpu_name, load_cupy
from ml_genn.backends.host.cache import cache_folder, cached_files
from ml_genn.backends.host.cores import available_cores
from ml_genn.backends.pygenn.library import pygenn
from ml_genn.compilers import CompiledTrainingNetwork, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, preprocess_spikes
from ml_genn.errors import MlGennError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.sequential import InputLayer, Layer, SequentialNetwork
from ml_genn.synapses import Exponential

MEGABYTE = 1e6
NUM_EXAMPLES, NUM_INPUTS, STEPS, EPOCHS = 100, 20, 40, 20  #: of the self-test
LEAST_ACCURACY = 0.9
STEP = 0.05  #: change of the weight by which the gradient is checked
LARGEST_ERROR = 0.02  #: relative error of that gradient, which has single precision


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the report, and returns the exit status: 1 if something failed.

    Args:
        arguments: of the command line; None (default) for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m ml_genn",
        description="Version, compiler, cache and backends of ml_genn, and a self-test "
        "of some seconds that trains a small network.",
    )
    parser.add_argument(
        "--clear-cache", action="store_true", help="delete cached models, and end"
    )
    parser.add_argument(
        "--no-test", action="store_true", help="leave out the self-test"
    )
    options = parser.parse_args(arguments)
    if options.clear_cache:
        print(clear_cache())
        return 0
    compiler, has_compiler = _described(compiler_text)
    rows = {
        "ml_genn": f"{ml_genn.__version__} (Python {platform.python_version()})",
        "compiler": compiler,
        "cores": f"{available_cores()} for this process",
        "cache": cache_text(),
        "backend cpu": "available" if has_compiler else "not available: no compiler",
        "backend cuda": _described(cuda_text)[0],
        "backend pygenn": _described(pygenn_text)[0],
    }
    for name, text in rows.items():
        print(f"{name:15} {text}")
    if options.no_test:
        return 0 if has_compiler else 1
    result, passed = _described(self_test)
    print(f"{'self-test':15} {result}")
    return 0 if passed else 1


def _described(describe: Callable[[], str]) -> tuple[str, bool]:
    """Returns the text of a function, or why there is none; and True for a text."""
    try:
        return describe(), True
    except MlGennError as error:
        return f"not available: {error}", False


def compiler_text() -> str:
    """Returns the command of the C++ compiler."""
    return " ".join(find_compiler().command)


def cuda_text() -> str:
    """Returns the name of the GPU."""
    return f"available: {gpu_name(load_cupy())}"


def pygenn_text() -> str:
    """Returns the version of PyGeNN."""
    return f"available: PyGeNN {getattr(pygenn(), '__version__', '')}".rstrip()


def cache_text() -> str:
    """Returns folder and size of the cache."""
    folder = cache_folder()
    sizes = [path.stat().st_size for path in cached_files(folder)]
    return (
        f"{folder} ({len(sizes)} files, {sum(sizes) / MEGABYTE:.1f} MB; "
        "--clear-cache deletes them)"
    )


def clear_cache() -> str:
    """Deletes the cached files, and returns what was deleted."""
    folder = cache_folder()
    files = cached_files(folder)
    size = sum(path.stat().st_size for path in files)
    for path in files:
        path.unlink(missing_ok=True)
    return f"Deleted {len(files)} files ({size / MEGABYTE:.1f} MB) from {folder}."


def self_test() -> str:
    """Trains a network, checks its accuracy and a gradient, and returns the result.

    Raises:
        MlGennError: if the network cannot be built, does not learn, or the gradient is
            not that of the loss.
    """
    start = perf_counter()
    spikes, labels = _rising_and_falling()
    compiled = _small_network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled.train(spikes, labels, num_epochs=EPOCHS, callbacks=[])
        metrics, _ = compiled.evaluate(spikes, labels, callbacks=[])
        accuracy = float(metrics["accuracy"])
        error = _gradient_error(compiled, spikes, labels)
    seconds = perf_counter() - start
    result = f"accuracy {accuracy:.2f}, error of a gradient {error:.1e}"
    if accuracy < LEAST_ACCURACY or error > LARGEST_ERROR:
        raise MlGennError(
            f"self-test: expected an accuracy of at least {LEAST_ACCURACY} and an "
            f"error of at most {LARGEST_ERROR}. Received {result}. Clear the cache "
            "with --clear-cache, and try another compiler: CXX=clang++."
        )
    return f"passed in {seconds:.1f} s: {result}"


def _rising_and_falling() -> tuple[list[PreprocessedSpikes], np.ndarray]:
    """Returns spikes that rise or fall over the inputs, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(NUM_EXAMPLES) % 2
    ids = np.arange(NUM_INPUTS)
    rising = 1.5 * ids + 2.0
    spikes = []
    for label in labels:
        times = (rising[::-1] if label else rising) + rng.normal(0.0, 1.0, NUM_INPUTS)
        inside = times.clip(0.0, STEPS - 1.0)
        spikes.append(preprocess_spikes(inside, ids, num_neurons=NUM_INPUTS))
    return spikes, labels


def _small_network() -> CompiledTrainingNetwork:
    with SequentialNetwork() as network:
        InputLayer("spike_input", NUM_INPUTS)
        hidden = Dense(Normal(0.5, 0.8))
        Layer(hidden, "leaky_integrate_fire", 32, Exponential(5.0))
        output = LeakyIntegrate(readout="avg_var")
        Layer(Dense(Normal(sd=0.5)), output, 2, Exponential(5.0))
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", Adam(0.01), batch_size=10
    )
    return compiler.compile(network)


def _gradient_error(
    compiled: CompiledTrainingNetwork, spikes: list[PreprocessedSpikes], y: np.ndarray
) -> float:
    """Returns the relative error of the largest gradient of the output weights.

    The loss is a smooth function of these weights, so its difference quotient has the
    precision that the gradient should have.
    """
    connection = compiled.network.connections[-1]
    gradient = compiled.gradients(spikes, y)[connection]
    place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    weights = compiled.weights(connection)
    losses = []
    for sign in (1.0, -1.0):
        changed = weights.copy()
        changed[place] += sign * STEP
        compiled.set_weights(connection, changed)
        losses.append(compiled.loss(spikes, y))
    compiled.set_weights(connection, weights)
    quotient = (losses[0] - losses[1]) / (2.0 * STEP)
    return float(abs(gradient[place] - quotient) / max(abs(quotient), 1e-12))


if __name__ == "__main__":
    sys.exit(main())
