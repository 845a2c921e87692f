"""Code strings: parsed, checked and printed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.model.code_strings.checks.scope import Scope
from ml_genn.model.code_strings.checks.statements import StatementChecker
from ml_genn.model.code_strings.neuron_code import CodeBlock
from ml_genn.model.code_strings.syntax.generator import condition_text, statements_text
from ml_genn.model.code_strings.syntax.source import Source, plain_c
from ml_genn.model.code_strings.syntax.tree import parse_c
from ml_genn.model.code_strings.vocabulary.names import Name


def parse_block(
    source: Source, names: Mapping[str, Name], outer: Mapping[str, Name]
) -> tuple[CodeBlock, dict[str, Name]]:
    """Returns a code string as a block, and the locals declared at its top level.

    Args:
        source: the code string.
        names: names of the model and of the simulator.
        outer: locals at the top level of sim_code; empty for sim_code itself.
    """
    code = plain_c(source, names)
    scope = Scope(source, names, outer)
    checker = StatementChecker(source, scope)
    try:
        text = _checked_text(parse_c(source, code), checker, names, source.condition)
    except RecursionError:
        raise source.error(1, "the code is nested too deeply") from None
    reads, writes = frozenset(scope.reads), frozenset(scope.writes)
    return CodeBlock(text, reads, writes, frozenset(checker.calls)), scope.local


def _checked_text(
    items: list[Any],
    checker: StatementChecker,
    names: Mapping[str, Name],
    condition: bool,
) -> str:
    if condition and items:
        (item,) = items
        checker.expression(item)
        return condition_text(item, names, checker.forms)
    for item in items:
        checker.statement(item)
    return statements_text(items, names, checker.forms)
