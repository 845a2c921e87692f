"""Small data sets for scripts, and the arguments with which they select a GPU."""

from __future__ import annotations

import numpy as np

CLASSES, SIDE = 3, 4
#: Arguments of compilers for PyGeNN on a GPU.
CUDA = {"backend": "cuda", "optimize_code": True, "manual_device_id": 0}


def images(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns images with one of three bright stripes, and its index."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    pixels = rng.integers(0, 60, (count, SIDE, SIDE))
    for image, label in zip(pixels, labels, strict=True):
        image[label] += 190
    return pixels.astype(np.uint8), labels


def recordings(count: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns events as Tonic has them: a dot that moves to the right or left."""
    rng = np.random.default_rng(seed)
    kinds = np.dtype([("t", np.int64), ("x", np.int64), ("p", np.int64)])
    labels = rng.integers(0, 2, count)
    examples = []
    for label in labels:
        x = np.arange(20) if label else np.arange(20)[::-1]
        events = np.zeros(20, dtype=kinds)
        events["t"] = np.arange(20) * 1500 + rng.integers(0, 500, 20)
        events["x"] = x
        events["p"] = 1
        examples.append(events)
    return examples, labels
