"""Deep-R on the host: the rewired synapse groups of a model, as CSR.

The device has a dense matrix of all possible synapses, with zeros where there is none
(`ml_genn.backends.pygenn.lowering.synapses.storage.MaskedDense`).
"""

from __future__ import annotations

import numpy as np

from ml_genn.backends.host.deep_r import Rewiring, create_rewiring, rewired_updates
from ml_genn.model.plan import SIGN, OptimiserUpdate, Plan, PlanValues
from ml_genn.model.plan.formats import row_offsets


def rewired_groups(plan: Plan, values: PlanValues, seed: int) -> dict[str, Rewiring]:
    """Returns {synapse group that Deep-R rewires: its synapses and their values}."""
    groups: dict[str, Rewiring] = {}
    for update, s in rewired_updates(plan):
        source, target = values.indices[s.name]
        weight = np.array(values.weights[s.name], np.float32)
        groups[s.name] = create_rewiring(
            plan,
            s,
            (seed, len(groups)),
            offset=row_offsets(source, plan.neuron(s.source).size),
            target=target.astype(np.int64),
            weight=weight,
            sign=np.zeros_like(weight),
            optimiser_state=tuple(
                np.zeros_like(weight) for _ in optimiser_slots(update)
            ),
        )
    return groups


def optimiser_slots(update: OptimiserUpdate) -> list[str]:
    """Returns the slots of an optimiser, without Deep-R's signs."""
    return [slot for slot in update.slots if slot != SIGN]


def place_synapses(rewiring: Rewiring, source: np.ndarray, target: np.ndarray) -> None:
    """Moves the synapses to listed pairs of neurons, sorted by source and target."""
    rewiring.offset[:] = row_offsets(source, rewiring.shape[0])
    rewiring.target[:] = target
