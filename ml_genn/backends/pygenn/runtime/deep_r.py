"""Deep-R on the host: the synapses of rewired groups as CSR matrices.

On the device, a rewired group is a dense matrix over all pairs of neurons, with zeros
for pairs without a synapse
(`ml_genn.backends.pygenn.lowering.synapses.storage.MaskedDense`).
"""

from __future__ import annotations

import numpy as np

from ml_genn.backends.host.deep_r import Rewiring, create_rewiring, rewired_updates
from ml_genn.model.plan import SIGN, OptimiserUpdate, Plan, PlanValues
from ml_genn.model.plan.formats import row_offsets


def create_rewirings(plan: Plan, values: PlanValues, seed: int) -> dict[str, Rewiring]:
    """Returns {name of a rewired synapse group: its `Rewiring`}.

    The optimiser's state starts at zero; `create_rewiring` sets the signs.

    Args:
        plan: the plan.
        values: indices of the synapses, sorted by source and target, and their weights.
        seed: seed of the model; each group has random numbers of its own.
    """
    rewirings: dict[str, Rewiring] = {}
    for update, group in rewired_updates(plan):
        source, target = values.indices[group.name]
        weight = np.array(values.weights[group.name], np.float32)
        rewirings[group.name] = create_rewiring(
            plan,
            group,
            (seed, len(rewirings)),
            offset=row_offsets(source, plan.neuron(group.source).size),
            target=target.astype(np.int64),
            weight=weight,
            sign=np.zeros_like(weight),
            optimiser_state=tuple(
                np.zeros_like(weight) for _ in optimiser_slots(update)
            ),
        )
    return rewirings


def optimiser_slots(update: OptimiserUpdate) -> list[str]:
    """Returns the names of the optimiser's own state arrays, without Deep-R's signs."""
    return [slot for slot in update.slots if slot != SIGN]


def place_synapses(rewiring: Rewiring, source: np.ndarray, target: np.ndarray) -> None:
    """Replaces the neurons that the synapses connect; values of synapses stay.

    Args:
        rewiring: the synapses; changed in place.
        source, target: neurons of each synapse, sorted by source, then by target; as
            many synapses as before.
    """
    rewiring.offset[:] = row_offsets(source, rewiring.shape[0])
    rewiring.target[:] = target
