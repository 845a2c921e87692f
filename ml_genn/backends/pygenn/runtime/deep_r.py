"""Deep-R on the host: which synapse groups it rewires, and their synapses as CSR.

The device has a dense matrix of all possible synapses, with zeros where there is none
(`ml_genn.backends.pygenn.lowering.synapses.storage.DenseWithHoles`).
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


def rewired_groups(plan: Plan, values: Values, seed: int) -> dict[str, Rewiring]:
    """Returns {synapse group that Deep-R rewires: its synapses and their values}."""
    rewired: dict[str, Rewiring] = {}
    for update in plan.updates:
        if update.target.kind is LearnedKind.WEIGHT:
            s = plan.synapse(update.target.owner)
            if s.rewired:
                rewired[s.name] = _rewiring(
                    plan, values, s, update, (seed, len(rewired))
                )
    return rewired


def _rewiring(
    plan: Plan,
    values: Values,
    s: SynapseGroup,
    update: OptimiserUpdate,
    seeds: tuple[int, int],
) -> Rewiring:
    source, target = values.indices[s.name]
    shape = plan.neuron(s.source).size, plan.neuron(s.target).size
    weight = np.array(values.weights[s.name], np.float32)
    rewiring = Rewiring(
        shape=shape,
        self_connections=s.self_connections,
        offset=row_starts(source, shape[0]),
        target=target.astype(np.int64),
        weight=weight,
        sign=np.zeros_like(weight),
        numbers=tuple(np.zeros_like(weight) for _ in optimiser_slots(update)),
        seed=sum(seeds),
        rng=np.random.default_rng(seeds),
    )
    rewiring.begin()
    return rewiring


def optimiser_slots(update: OptimiserUpdate) -> list[str]:
    """Returns names of what an optimiser stores per synapse, without Deep-R's signs."""
    return [slot for slot in update.slots if slot != SIGN]


def place_synapses(rewiring: Rewiring, source: np.ndarray, target: np.ndarray) -> None:
    """Moves the synapses to listed pairs of neurons, sorted by source and target."""
    rewiring.offset[:] = row_starts(source, rewiring.shape[0])
    rewiring.target[:] = target
