"""Forward and backward pass of one batch, without the training loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.timing import milliseconds
from ml_genn.model.batch import RunOptions
from ml_genn.training.data.examples import encode_examples

FORWARD = RunOptions()
BOTH = RunOptions(backward=True, gradients=True)


class Passes:
    """The passes of a compiled network over one batch; builds the model.

    Args:
        compiled: network of a training compiler.
        x, y: the batch.
    """

    def __init__(self, compiled: Any, x: Any, y: Any) -> None:
        self.model = compiled.model
        spec = compiled.data_spec
        self.prepared = encode_examples(x, y, spec, len(y)).prepared
        self.indices = np.arange(len(y))

    def run(self, options: RunOptions) -> Any:
        """Runs the batch."""
        return self.model.run(self.prepared, self.indices, options)

    def forward(self) -> float:
        """Returns the milliseconds of the forward pass."""
        return milliseconds(lambda: self.run(FORWARD))

    def both(self) -> float:
        """Returns the milliseconds of forward and backward pass."""
        return milliseconds(lambda: self.run(BOTH))

    def gradients(self) -> list[np.ndarray]:
        """Returns the gradients of the weights."""
        return list(self.run(BOTH).gradients.values())
