"""A data set of single examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ItemDataset:
    """Data set with ``__getitem__`` and ``__len__``, as in torch and Tonic."""

    def __init__(self, *columns: Sequence[Any]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, k: int) -> tuple[Any, ...]:
        return tuple(column[k] for column in self.columns)
