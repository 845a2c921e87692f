"""Stages of a batch: sequences of launches between which processes sum arrays."""

from __future__ import annotations

from itertools import chain

from ml_genn.backends.cuda.launch.grid import Grid, Stage
from ml_genn.backends.host.abi.call import Phase
from ml_genn.model.batch import RunOptions
from ml_genn.model.plan import Plan


def batch_stages(
    plan: Plan, options: RunOptions, grid: Grid, first: Phase
) -> list[Stage]:
    """Returns the stages of a batch: forward pass, backward pass, optimiser step.

    Args:
        plan: plan of the network.
        options: passes of the run.
        grid: thread blocks.
        first: phases of the first stage.
    """
    clear = grid.over_weights("mlg_clear") if first & Phase.FORWARD else ()
    stages = [clear + grid.over_examples(first)]
    if options.backward and not plan.online:
        regularised = any(group.regularised for group in plan.neurons)
        regularise = grid.over_weights("mlg_regularise") if regularised else ()
        stages.append(regularise + grid.over_examples(Phase.BACKWARD))
    if options.update:
        norms = any(update.norms for update in plan.updates)
        squares = grid.over_weights("mlg_squares") if norms else ()
        step = grid.over_weights("mlg_try") + grid.over_weights("mlg_update")
        stages.append(squares + step)
    return stages


def joined(stages: list[Stage]) -> list[Stage]:
    """Returns one stage with all launches, for a batch of a single process."""
    return [tuple(chain(*stages))]
