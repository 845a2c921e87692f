"""Events of Tonic's transforms, and training on data sets like Tonic's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tonic", reason="needs Tonic")

from tonic import datasets, transforms

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import (
    PreprocessedSpikes,
    preprocess_tonic_spikes,
    preprocess_tonic_spikes_separate,
)
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

SENSOR = datasets.DVSGesture.sensor_size
ORDERING = datasets.DVSGesture.ordering


def recording(seed: int, num: int = 3000, left: bool | None = None) -> np.ndarray:
    """Events as the data set of gestures has them, on the left, right or anywhere."""
    rng = np.random.default_rng(seed)
    events = np.zeros(num, datasets.DVSGesture.dtype)
    events["t"] = np.sort(rng.integers(0, 500_000, num))
    width = 128 if left is None else 64
    events["x"] = rng.integers(0, width, num) + (0 if left in (None, True) else 64)
    events["y"] = rng.integers(0, 128, num)
    events["p"] = rng.random(num) < 0.5
    return events


def pairs(spikes: PreprocessedSpikes) -> set[tuple[int, float]]:
    counts = np.diff(spikes.end_spikes, prepend=0)
    ids = np.repeat(np.arange(counts.size), counts)
    return {
        (int(k), round(float(t), 6))
        for k, t in zip(ids, spikes.spike_times, strict=True)
    }


def expected(events: Any, width: int) -> set[tuple[int, float]]:
    return {
        (int(p) + 2 * int(x) + 2 * width * int(y), round(int(t) / 1000, 6))
        for x, y, p, t in zip(
            events["x"], events["y"], events["p"], events["t"], strict=True
        )
    }


CHANGES = {
    "cropped": [transforms.CropTime(min=100_000, max=300_000)],
    "denoised": [transforms.Denoise(filter_time=50_000)],
    "dropped": [transforms.DropEvent(p=0.5)],
    "flipped": [transforms.RandomFlipLR(sensor_size=SENSOR, p=1.0)],
    "jittered": [transforms.TimeJitter(std=100.0, clip_negative=True)],
    "refractory": [transforms.RefractoryPeriod(delta=10_000)],
    "noisy": [transforms.UniformNoise(sensor_size=SENSOR, n=200)],
}


@pytest.mark.parametrize("name", CHANGES)
def test_transforms(name: str) -> None:
    np.random.seed(0)
    events = transforms.Compose(CHANGES[name])(recording(1))
    assert len(events) > 20
    spikes = preprocess_tonic_spikes(events, ORDERING, SENSOR)
    assert spikes.end_spikes.shape == (128 * 128 * 2,)
    assert pairs(spikes) == expected(events, 128)
    off, on = preprocess_tonic_spikes_separate(events, ORDERING, SENSOR)
    assert len(off.spike_times) == np.sum(events["p"] == 0)
    assert len(on.spike_times) == np.sum(events["p"] == 1) > 0


def test_smaller_images_and_bins() -> None:
    small = transforms.Downsample(spatial_factor=0.125)
    events = small(recording(2))
    spikes = preprocess_tonic_spikes(events, ORDERING, (16, 16, 2), 1e-3, 10.0, 2)
    frames = transforms.ToFrame(sensor_size=(16, 16, 2), time_window=10_000)(events)
    counts = np.zeros((50, 16, 16, 2), int)
    for k, t in pairs(spikes):
        y, rest = divmod(k, 32)
        counts[round(t / 10.0), y, rest // 2, rest % 2] += 1
    # Tonic's windows count from the first event, ours from zero.
    assert events["t"][0] < 1000
    enough = frames.transpose(0, 2, 3, 1) >= 2
    assert counts.max() == 1
    assert abs(int(counts.sum()) - int(enough.sum())) < 0.2 * enough.sum()


def test_times_in_other_units() -> None:
    events = recording(3, 200)
    later = transforms.Downsample(time_factor=0.001)(events)
    plain = preprocess_tonic_spikes(events, ORDERING, SENSOR)
    scaled = preprocess_tonic_spikes(later, ORDERING, SENSOR, time_scale=1.0)
    np.testing.assert_array_equal(scaled.end_spikes, plain.end_spikes)
    assert np.max(np.abs(np.sort(scaled.spike_times) - np.sort(plain.spike_times))) <= 1


class Stream:
    """Batches of an indexable data set, converted to spikes when they are requested."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.read = 0

    def __iter__(self) -> Iterator[tuple[list[PreprocessedSpikes], np.ndarray]]:
        for start in range(0, len(self.dataset), 8):
            batch = [self.dataset[k] for k in range(start, start + 8)]
            self.read += len(batch)
            yield (
                [preprocess_tonic_spikes(e, ORDERING, (16, 16, 2)) for e, _ in batch],
                np.array([label for _, label in batch]),
            )


class Sides:
    """A data set as Tonic's are: events and their label, transformed when read."""

    def __init__(self, num: int, seed: int) -> None:
        self.num, self.seed = num, seed
        self.transform = transforms.Compose(
            [transforms.DropEvent(p=0.1), transforms.Downsample(spatial_factor=0.125)]
        )

    def __len__(self) -> int:
        return self.num

    def __getitem__(self, k: int) -> tuple[np.ndarray, int]:
        events = recording(self.seed + k, 300, left=k % 2 == 0)
        return self.transform(events), k % 2


def test_a_data_set_is_streamed_into_training() -> None:
    np.random.seed(0)
    with SequentialNetwork() as network:
        InputLayer("spike_input", 16 * 16 * 2)
        Layer(Dense(Normal(0.1, 0.1)), "leaky_integrate_fire", 16, Exponential(10.0))
        Layer(Dense(Normal(0.0, 0.3)), LeakyIntegrate(readout="avg_var"), 2)
    compiled = BPTTCompiler(
        50, "sparse_categorical_crossentropy", dt=10.0, batch_size=8, num_threads=1
    ).compile(network)
    train = Stream(Sides(64, 100))
    compiled.train(train, num_epochs=15, callbacks=[])
    assert train.read == 15 * 64
    (metric,) = compiled.evaluate(Stream(Sides(32, 500)), callbacks=[])[0].values()
    assert metric.result > 0.9
