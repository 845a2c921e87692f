"""Scopes of a block, and the names that it reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.errors import unknown_name
from ml_genn.model.code_strings.syntax.source import Source
from ml_genn.model.code_strings.syntax.tree import place_of, refusal
from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS
from ml_genn.model.code_strings.vocabulary.names import TRUTH_VALUES, Name, name_fault


class Scope:
    """Lookup of names, in the C scopes around them, then in the model.

    Args:
        source: the code string.
        names: names of the model and of the simulator.
        outer: locals at the top level of sim_code; empty for sim_code itself.

    Attributes:
        reads: names of the model and of the simulator that are read.
        writes: model variables that are written.
        pending: local whose initial value is being checked.
    """

    def __init__(
        self, source: Source, names: Mapping[str, Name], outer: Mapping[str, Name]
    ) -> None:
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.pending = ""
        self._source = source
        self._names = names
        self._hidden = outer if source.hides else {}
        self._scopes: list[dict[str, Name]] = [{} if source.hides else dict(outer), {}]

    @property
    def local(self) -> dict[str, Name]:
        """Locals of the innermost scope that is open."""
        return self._scopes[-1]

    def open(self) -> None:
        """Enters an inner scope."""
        self._scopes.append({})

    def close(self) -> None:
        """Leaves the innermost scope."""
        self._scopes.pop()

    def declare(self, node: Any, c_name: str, constant: bool) -> None:
        """Adds the local of a declaration.

        Args:
            node: the declaration.
            c_name: its C type.
            constant: True if it is declared const.
        """
        fault = name_fault(node.name)
        if node.name in self._names:
            fault = "is a name of the model; give the local another"
        elif node.name in self.local:
            fault = "is declared twice"
        elif constant and node.init is None:
            fault = "is a constant and needs a value"
        if fault:
            reason = f"the local name '{node.name}' {fault}"
            raise refusal(self._source, node, reason)
        self.local[node.name] = Name(c_name, "a local constant" * constant)

    def has(self, name: str) -> bool:
        """Returns True if the model, sim_code or this block declares the name."""
        places = (self._names, self._hidden, *self._scopes)
        return any(name in place for place in places)

    def read(self, node: Any) -> Name:
        """Returns a name that is read."""
        name = self._find(node)
        self._note_read(node)
        return name

    def write(self, target: Any, *, read: bool) -> Name:
        """Returns the target of an assignment.

        Args:
            target: the node.
            read: True if the assignment reads the old value.
        """
        if target.name in TRUTH_VALUES:
            raise refusal(self._source, target, f"'{target.name}' cannot be written")
        name = self._find(target)
        if self._source.condition:
            reason = "a condition cannot assign; '==' compares"
            raise refusal(self._source, target, reason)
        if name.fixed:
            reason = f"'{target.name}' cannot be written: it is {name.fixed}"
            raise refusal(self._source, target, reason)
        if read:
            self._note_read(target)
        if target.name in self._names:
            self.writes.add(target.name)
        return name

    def _note_read(self, node: Any) -> None:
        if node.name in self._names:
            self.reads.add(node.name)

    def _find(self, node: Any) -> Name:
        if node.name == self.pending:
            # Even where an outer scope has the name, C means the new local.
            reason = f"'{node.name}' is used in its own first value"
            raise refusal(self._source, node, reason)
        for scope in (*reversed(self._scopes), self._names):
            if node.name in scope:
                return scope[node.name]
        if node.name in self._hidden:
            reason = f"'{node.name}' is a local of sim_code, but {self._source.hides}"
            raise refusal(self._source, node, reason)
        if node.name in FUNCTIONS:
            reason = f"'{node.name}' is a function; call it"
            raise refusal(self._source, node, reason)
        known = set(self._names).union(*self._scopes)
        place = place_of(self._source, node)
        raise unknown_name("identifier", node.name, known, where=place)
