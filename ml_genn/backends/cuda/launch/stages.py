"""What a batch launches, and how that is spread over the GPU."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from ml_genn.backends.cuda.launch.graph import Launch
from ml_genn.backends.host.abi.call import Phase
from ml_genn.model.batch import RunOptions
from ml_genn.model.plan import Plan

Stage = tuple[Launch, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The thread blocks of a batch.

    Args:
        examples: examples, each of which has a block, or several.
        threads: threads of a block.
        parts: blocks that run an example together.
        update_blocks: blocks that go through all weights, or all neurons.
        shared: bytes of shared memory in which an example's block keeps its state.
    """

    examples: int
    threads: int
    parts: int
    update_blocks: int
    shared: int

    def over_weights(self, kernel: str) -> Stage:
        """A kernel that goes through all weights, or all neurons."""
        return (Launch(kernel, self.update_blocks, self.threads),)

    def over_examples(self, phases: Phase) -> Stage:
        """Phases of the batch's examples, if there are any."""
        if not self.examples:
            return ()
        return (
            Launch(
                "mlg_run",
                self.examples,
                self.threads,
                int(phases),
                self.shared,
                self.parts,
            ),
        )


def stages(plan: Plan, options: RunOptions, grid: Grid, first: Phase) -> list[Stage]:
    """Launches that go forward through a batch, back, and take the step; between these
    stages, processes sum what they found.

    Args:
        plan: the plan.
        options: what the run does beside the forward pass.
        grid: thread blocks.
        first: phases of the first stage.
    """
    clear = grid.over_weights("mlg_clear") if first & Phase.FORWARD else ()
    found = [clear + grid.over_examples(first)]
    if options.backward and not plan.online:
        regularised = any(group.regularised for group in plan.neurons)
        push = grid.over_weights("mlg_regularise") if regularised else ()
        found.append(push + grid.over_examples(Phase.BACKWARD))
    if options.update:
        norms = any(update.norms for update in plan.updates)
        squares = grid.over_weights("mlg_squares") if norms else ()
        found.append(squares + grid.over_weights("mlg_update"))
    return found


def joined(found: list[Stage]) -> list[Stage]:
    """All stages as one, where one process runs the batch."""
    return [tuple(chain(*found))]
