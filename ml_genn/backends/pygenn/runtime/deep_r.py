"""Deep-R: synapses that change places, in NumPy between batches.

On the device they are a matrix of all synapses that there may be, with zeros where
there is none; `Spread` says where they are.
"""

from __future__ import annotations

import numpy as np

from ml_genn.backends.host.csr import row_starts
from ml_genn.backends.host.deep_r import Rewiring
from ml_genn.model.plan import (
    SIGN,
    LearnedKind,
    OptimiserUpdate,
    Plan,
    SynapseGroup,
    Values,
)


def rewirings(plan: Plan, values: Values, seed: int) -> dict[str, Rewiring]:
    """{synapse group that Deep-R rewires: its synapses, listed}."""
    found: dict[str, Rewiring] = {}
    for update in plan.updates:
        if update.target.kind is LearnedKind.WEIGHT:
            s = plan.synapse(update.target.owner)
            if s.rewired:
                found[s.name] = _listed(plan, values, s, update, seed, len(found))
    return found


def _listed(
    plan: Plan,
    values: Values,
    s: SynapseGroup,
    update: OptimiserUpdate,
    seed: int,
    index: int,
) -> Rewiring:
    source, target = values.indices[s.name]
    shape = plan.neuron(s.source).size, plan.neuron(s.target).size
    weight = np.array(values.weights[s.name], np.float32)
    made = Rewiring(
        shape=shape,
        self_connections=s.self_connections,
        offset=row_starts(source, shape[0]),
        target=target.astype(np.int64),
        weight=weight,
        sign=np.zeros_like(weight),
        numbers=tuple(np.zeros_like(weight) for _ in others(update)),
        seed=seed + index,
        rng=np.random.default_rng([seed, index]),
    )
    made.begin()
    return made


def others(update: OptimiserUpdate) -> list[str]:
    """What an optimiser keeps for each synapse, but for the signs."""
    return [slot for slot in update.slots if slot != SIGN]


def move(rewiring: Rewiring, source: np.ndarray, target: np.ndarray) -> None:
    """Puts synapses where a list says."""
    rewiring.offset[:] = row_starts(source, rewiring.shape[0])
    rewiring.target[:] = target
