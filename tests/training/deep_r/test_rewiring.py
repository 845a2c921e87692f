"""Deep-R's replacement of synapses, without a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn.backends.host.deep_r import Rewiring

PADDING = 3  #: array elements behind the last synapse, which must not change


@dataclass(frozen=True, eq=False)
class Synapses:
    """Key, weight, sign and optimiser state of each synapse."""

    keys: np.ndarray
    weight: np.ndarray
    sign: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, rewiring: Rewiring) -> Synapses:
        """Returns a copy of the current synapses."""
        n = rewiring.num_synapses
        return cls(
            rewiring.pairs().copy(),
            rewiring.weight[:n].copy(),
            rewiring.sign[:n].copy(),
            np.stack([k[:n] for k in rewiring.optimiser_state]),
        )


def make(
    rng: np.random.Generator, shape: tuple[int, int], free: int, loops: bool
) -> Rewiring:
    """Returns random synapses that leave ``free`` pairs of neurons unconnected."""
    pairs = np.arange(shape[0] * shape[1])
    if not loops:
        pairs = pairs[pairs // shape[1] != pairs % shape[1]]
    count = max(len(pairs) - free, 1)
    keys = np.sort(rng.choice(pairs, count, replace=False))
    offset = np.full(shape[0] + 1 + PADDING, 77, dtype=np.int64)
    offset[: shape[0] + 1] = np.searchsorted(keys // shape[1], np.arange(shape[0] + 1))
    arrays = [np.full(count + PADDING, 77, dtype=np.float32) for _ in range(4)]
    target = np.full(count + PADDING, 77, dtype=np.uint16)
    target[:count] = keys % shape[1]
    for array in arrays:
        array[:count] = rng.normal(size=count)
    weight, sign, m, v = arrays
    rewiring = Rewiring(
        shape=shape,
        self_connections=loops,
        offset=offset,
        target=target,
        weight=weight,
        sign=sign,
        optimiser_state=(m, v),
        seed=int(rng.integers(100)),
        rng=rng,
    )
    rewiring.begin()
    return rewiring


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    free=st.one_of(st.integers(0, 3), st.integers(0, 80)),
    flipped=st.sampled_from([0.0, 0.2, 0.8, 1.0]),
    loops=st.booleans(),
)
def test_rewiring_replaces_synapses_with_changed_signs(
    seed: int, rows: int, columns: int, free: int, flipped: float, loops: bool
) -> None:
    """The other synapses keep weights, signs and optimiser state.

    Full matrices and single synapses are among the examples.
    """
    loops = loops or rows * columns < 4 or rows != columns
    rng = np.random.default_rng(seed)
    rewiring = make(rng, (rows, columns), free, loops)
    signs = dict(zip(rewiring.pairs(), Synapses.of(rewiring).sign, strict=True))
    assert np.all(rewiring.weight[: rewiring.num_synapses] * list(signs.values()) >= 0)
    for _ in range(3):
        flips = rng.random(rewiring.num_synapses) < flipped
        rewiring.weight[: rewiring.num_synapses][flips] *= -1
        before = Synapses.of(rewiring)
        flipped_sign = before.weight * before.sign < 0
        replaced, failed = rewiring.rewire()
        after = Synapses.of(rewiring)
        assert replaced == flipped_sign.sum()
        assert failed >= 0
        assert len(after.keys) == len(before.keys)
        assert np.all(np.diff(after.keys) > 0)
        assert rewiring.offset[0] == 0
        assert np.all(np.diff(rewiring.offset[: rows + 1]) >= 0)
        assert rewiring.target[: rewiring.num_synapses].max() < columns
        if not loops:
            assert np.all(after.keys // columns != after.keys % columns)
        unchanged = np.searchsorted(after.keys, before.keys[~flipped_sign])
        np.testing.assert_array_equal(after.keys[unchanged], before.keys[~flipped_sign])
        np.testing.assert_array_equal(
            after.weight[unchanged], before.weight[~flipped_sign]
        )
        np.testing.assert_array_equal(after.sign[unchanged], before.sign[~flipped_sign])
        np.testing.assert_array_equal(
            after.numbers[:, unchanged], before.numbers[:, ~flipped_sign]
        )
        new = np.setdiff1d(np.arange(len(after.keys)), unchanged)
        assert not after.weight[new].any()
        assert not after.numbers[:, new].any()
        assert np.all(np.abs(after.sign) == 1.0)
        for key, sign in zip(after.keys, after.sign, strict=True):
            assert signs.setdefault(key, sign) == sign
    for array in (
        rewiring.weight,
        rewiring.sign,
        rewiring.target,
        *rewiring.optimiser_state,
    ):
        np.testing.assert_array_equal(array[rewiring.num_synapses :], 77)


def test_new_synapses_are_uniformly_distributed() -> None:
    """Counts of pairs are within five standard deviations of their mean."""
    rng = np.random.default_rng(0)
    counts = np.zeros(5 * 6)
    for _ in range(800):
        rewiring = make(np.random.default_rng(1), (5, 6), 20, True)
        others = rewiring.pairs()[4:]
        rewiring.weight[:4] = -rewiring.sign[:4]
        reseeded = Rewiring(
            **{
                name: getattr(rewiring, name)
                for name in Rewiring.__dataclass_fields__
                if name != "rng"
            },
            rng=rng,
        )
        assert reseeded.rewire()[0] == 4
        counts[np.setdiff1d(reseeded.pairs(), others)] += 1
    assert not counts[others].any()
    free = np.setdiff1d(np.arange(30), others)
    p = 4 / len(free)
    deviation = np.sqrt(800 * p * (1 - p))
    assert np.abs(counts[free] - 800 * p).max() < 5 * deviation
