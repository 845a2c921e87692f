"""Writes indented C-family text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class CodeWriter:
    """Lines of code with nested blocks: ``with writer.block("for (...)"):``."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def line(self, text: str = "") -> None:
        """One line at the current depth."""
        self._lines.append("  " * self._depth + text if text else "")

    def lines(self, texts: Iterable[str]) -> None:
        """Several lines."""
        for text in texts:
            for part in text.splitlines():
                self.line(part)

    @contextmanager
    def block(self, head: str, end: str = "}") -> Iterator[None]:
        """A block: head and an opening brace, the body, ``end``."""
        self.line(f"{head} {{" if head else "{")
        self._depth += 1
        yield
        self._depth -= 1
        self.line(end)

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"
