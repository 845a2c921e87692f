"""Properties of every network: refused with our error, or finite and repeatable."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fuzz.examples import draw_examples
from fuzz.structure import Builder, draw_structure

from ml_genn import load_model, save_model
from ml_genn.callbacks import SpikeRecorder
from ml_genn.errors import BuildError, MlGennError

#: examples of a case; batches are of different sizes
EXAMPLES = 6
#: threads add gradients in another order: difference relative to the largest gradient
TOLERANCE = 2e-4
#: difference of sums whose terms nearly cancel
ROUNDING = 1e-6


class Refused(Exception):
    """An error of ml_genn, which is a valid answer to a case."""


@contextmanager
def refusals() -> Iterator[None]:
    """Turns errors of ml_genn into `Refused`, but for those of the C++ compiler."""
    try:
        yield
    except BuildError:
        raise
    except MlGennError as error:
        assert str(error), "an error without a message"
        raise Refused(f"{type(error).__name__}: {error}") from None


class Fuzzed:
    """Network of a structure, compiled for one thread, for two, and for batches of one.

    Args:
        seed: seed of the structure.

    Raises:
        Refused: if the network cannot be built or compiled.
    """

    def __init__(self, seed: int) -> None:
        self.structure = draw_structure(seed)
        with refusals():
            self.builder = Builder(self.structure)
            self.one = self.builder.compile()
            self.two = self.builder.compile(num_threads=2)
            self.single = self.builder.compile(batch_size=1)
        self.weighted = [
            c for c in self.builder.network.connections if self._has_weights(c)
        ]

    def _has_weights(self, connection: Any) -> bool:
        with refusals():
            return bool(np.size(self.one.weights(connection)))

    # ------------------------------------------------------------ properties
    def check(self, values_seed: int, folder: Path) -> None:
        """Checks the properties for weights and data of a seed.

        Raises:
            Refused: if a batch is refused.
            AssertionError: if a property does not hold.
        """
        self._draw_weights(values_seed)
        x, y = draw_examples(self.builder, values_seed, EXAMPLES)
        with refusals():
            self._check_outputs(x)
            if self.structure.trains:
                self._check_gradients(x, y)
                self._check_training(x, y)
        if values_seed == 0:
            self._check_saved(x, folder)

    def _draw_weights(self, seed: int) -> None:
        """Sets all three networks to the same weights, which are new for each seed."""
        rng = np.random.default_rng((seed, self.structure.seed, 1))
        scale = rng.choice([0.3, 1.0, 3.0, 8.0])
        for connection in self.weighted:
            weights = self.one.weights(connection)
            drawn = rng.normal(scale / 2, scale, np.shape(weights))
            for compiled in (self.one, self.two, self.single):
                with refusals():
                    compiled.set_weights(connection, drawn)

    def _outputs(self, compiled: Any, x: Any) -> tuple[list[Any], list[Any]]:
        """Predictions of all outputs, and spikes of all populations that spike."""
        recorders = [SpikeRecorder(p) for p in (*self.builder.hidden,)]
        predictions, recorded = compiled.predict(x, callbacks=[*recorders])
        outputs = [np.asarray(predictions[p]) for p in self.builder.outputs]
        return outputs, [recorded[key] for key in recorded]

    def _check_outputs(self, x: Any) -> None:
        outputs, spikes = self._outputs(self.one, x)
        for output in outputs:
            assert np.isfinite(output).all(), "outputs are not finite"
        if self.structure.is_random:
            return
        others = {"again": self.one, "two threads": self.two, "batch 1": self.single}
        for name, compiled in others.items():
            other, other_spikes = self._outputs(compiled, x)
            for a, b in zip(outputs, other, strict=True):
                np.testing.assert_array_equal(a, b, f"outputs: {name}")
            assert _same(spikes, other_spikes), f"spikes: {name}"

    def _check_gradients(self, x: Any, y: Any) -> None:
        first = _values(self.one.gradients(x, y))
        for gradient in first:
            assert np.isfinite(gradient).all(), "gradients are not finite"
        if self.structure.is_random:
            return
        again = _values(self.one.gradients(x, y))
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b, "gradients: again")
        largest = max((np.abs(g).max(initial=0.0) for g in first), default=0.0)
        for a, b in zip(first, _values(self.two.gradients(x, y)), strict=True):
            difference = np.abs(a - b).max(initial=0.0)
            limit = TOLERANCE * largest + ROUNDING
            assert difference <= limit, f"two threads: {difference}"

    def _check_training(self, x: Any, y: Any) -> None:
        before = self.one.snapshot()
        weights = []
        for _ in range(2):
            self.one.restore(before)
            self.one.train(x, y, metrics=self._metrics(), shuffle=False, callbacks=[])
            weights.append([self.one.weights(c) for c in self.weighted])
        for a, b in zip(*weights, strict=True):
            assert np.isfinite(a).all(), "weights are not finite"
            np.testing.assert_array_equal(a, b, "training: again")
        self.one.restore(before)

    def _metrics(self) -> Any:
        return {
            p: "sparse_categorical_accuracy"
            if loss == "sparse_categorical_crossentropy"
            else "mean_square_error"
            for (*_, loss), p in zip(
                self.structure.outputs, self.builder.outputs, strict=True
            )
        }

    def _check_saved(self, x: Any, folder: Path) -> None:
        """A model of a file predicts the same."""
        path = folder / "model.safetensors"
        with refusals():
            expected, _ = self._outputs(self.one, x)
            save_model(self.one, path)
            loaded = load_model(path, allow_code=True)
            by_name = {p.name: p for p in loaded.network.populations}
            renamed = {by_name[p.name]: data for p, data in x.items()}
            predictions, _ = loaded.predict(renamed, callbacks=[])
        if self.structure.is_random:
            return
        for p, a in zip(self.builder.outputs, expected, strict=True):
            other = np.asarray(predictions[by_name[p.name]])
            np.testing.assert_array_equal(a, other, "outputs: saved")


def _values(gradients: Any) -> list[np.ndarray]:
    return [np.asarray(gradient) for gradient in gradients.values()]


def _same(value: Any, other: Any) -> bool:
    """True if lists of lists of arrays are equal."""
    if isinstance(value, list | tuple):
        return len(value) == len(other) and all(map(_same, value, other))
    return np.array_equal(value, other)


def run_cases(
    structures: range,
    values: range,
    folder: Path,
    report: Callable[[str], None] = print,
) -> Counter[str]:
    """Runs cases; returns how many passed, were refused and failed.

    Args:
        structures: seeds of structures.
        values: seeds of weights and data, for each structure.
        folder: folder for files.
        report: called with a line for each failure.
    """
    counts: Counter[str] = Counter()
    for seed in structures:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fuzzed: Fuzzed | None = Fuzzed(seed)
        except Refused as refused:
            counts["refused structure"] += 1
            counts[f"  {str(refused)[:100]}"] += 1
            fuzzed = None
        except Exception as error:
            counts["failed"] += 1
            report(f"FAILED structure {seed}: {type(error).__name__}: {error}")
            fuzzed = None
        for value in values if fuzzed else ():
            assert fuzzed is not None
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    fuzzed.check(value, folder)
                counts["passed"] += 1
            except Refused as refused:
                counts["refused"] += 1
                counts[f"  {str(refused)[:100]}"] += 1
            except Exception as error:
                counts["failed"] += 1
                report(
                    f"FAILED structure {seed}, values {value}: "
                    f"{type(error).__name__}: {error}"
                )
    return counts
