"""The engine's random numbers, against Philox 4x32-10 written here once more.

Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
import pytest
from engine.helpers import traces
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn import Connection, Network, Population
from ml_genn.backends.cpu.abi import load
from ml_genn.backends.cpu.toolchain import build
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import CodeNeuron, SpikeInput

Words = tuple[int, ...]

ONES = 0xFFFFFFFF
words = st.integers(0, ONES)
long_words = st.integers(0, 2**64 - 1)


def philox(counter: Words, key: Words) -> Words:
    """Philox 4x32-10: four words from a counter of four and a key of two."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [
            (second >> 32) ^ c[1] ^ k[0],
            second & ONES,
            (first >> 32) ^ c[3] ^ k[1],
            first & ONES,
        ]
        k = [(k[0] + 0x9E3779B9) & ONES, (k[1] + 0xBB67AE85) & ONES]
    return tuple(c)


def expected(seed: int, example: int, step: int, neuron: int, draw: int) -> int:
    """The word that the engine documents for a draw."""
    key = (seed & ONES, (seed >> 32) ^ (example >> 32))
    return philox((draw, example & ONES, step, neuron), key)[0]


KNOWN_ANSWERS = [  # counter, key and result, from Random123's kat_vectors
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (ONES, ONES, ONES, ONES),
        (ONES, ONES),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def dice() -> tuple[Network, Population, Population]:
    model = {
        "vars": [("u", "scalar"), ("w", "scalar")],
        "sim_code": "u = gennrand_uniform(); w = gennrand_uniform();",
    }
    with Network() as network:
        ticks = Population(SpikeInput(), 1)
        target = Population(CodeNeuron(model), 5, name="dice")
        Connection(ticks, target, Dense(1.0))
    return network, ticks, target


@cache
def library() -> ctypes.CDLL:
    plan = InferenceCompiler(1).compile(dice()[0]).model.plan
    return load(str(build(source(Layout(plan)))))


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_known_answers(counter: Words, key: Words, result: Words) -> None:
    """Of the model here, and of the engine, which gives the first of the words."""
    assert philox(counter, key) == result
    draw, example, step, neuron = counter
    seed = key[0] | key[1] << 32
    assert library().mlg_random(seed, example, step, neuron, draw) == result[0]


@settings(max_examples=300, deadline=None)
@given(long_words, long_words, words, words, words)
def test_engine_is_philox(
    seed: int, example: int, step: int, neuron: int, draw: int
) -> None:
    actual = library().mlg_random(seed, example, step, neuron, draw)
    assert actual == expected(seed, example, step, neuron, draw)


@pytest.mark.parametrize("seed", [0, 12345, 2**40 + 7])
@pytest.mark.parametrize(("batch_size", "num_threads"), [(4, 1), (3, 2)])
def test_what_neurons_draw(seed: int, batch_size: int, num_threads: int) -> None:
    """Draw k of neuron j in step n of example b has (k, b, n, j) as its counter."""
    network, ticks, target = dice()
    raster = np.zeros((4, 6, 1), dtype=bool)
    _, recordings = traces(
        network,
        {ticks: raster},
        {target: ("u", "w")},
        batch_size=batch_size,
        num_threads=num_threads,
        seed=seed,
    )
    for draw, name in enumerate(("u", "w")):
        drawn = np.array(
            [
                [[expected(seed, b, n, j, draw) for j in range(5)] for n in range(6)]
                for b in range(4)
            ]
        )
        np.testing.assert_array_equal(recordings["dice", name], (drawn >> 8) / 2.0**24)
