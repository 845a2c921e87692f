"""Base of optimisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ml_genn.model.plan import Code


class Optimiser(ABC):
    """Changes weights by their gradients.

    An optimiser is an equation, ``CODE``, over a weight ``x``, its ``gradient``, the
    numbers kept for each weight (``SLOTS``) and numbers given for each step
    (``SCALARS``). The equation runs in compiled code; `scalars` is asked before each
    batch, so an attribute changed between batches takes effect.
    """

    SLOTS: ClassVar[tuple[str, ...]]
    SCALARS: ClassVar[tuple[str, ...]]
    CODE: ClassVar[Code]

    @abstractmethod
    def scalars(self, step: int) -> tuple[float, ...]:
        """Values of ``SCALARS`` for a batch.

        Args:
            step: index of the batch, counted from the start of training.
        """
