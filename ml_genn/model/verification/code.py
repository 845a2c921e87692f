"""Checks of code blocks and expressions: names that are read, written and called."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ml_genn.errors import EquationError, unknown_name
from ml_genn.model.equations.expression import check_names
from ml_genn.model.plan import Code
from ml_genn.model.verification.c_names import CNames, names_in

Names = AbstractSet[str]


def check_code(code: Code, where: str, readable: Names, writable: Names) -> Names:
    """Raises an error if code uses names that do not exist or that it does not list.

    Args:
        code: the block.
        where: start of error messages.
        readable: names that the code may read.
        writable: names that the code may assign to.

    Returns:
        The locals that the code declares.

    Raises:
        UnknownNameError: if a name does not exist.
        EquationError: if ``reads``, ``writes`` or ``calls`` lack a name.
    """
    names = names_in(code.lines)
    local = names.declared.keys()
    readable = readable | writable
    for name in sorted(code.reads - readable - local):
        place = _place(where, names.mentioned.get(name))
        raise unknown_name("name", name, readable, where=place)
    for name in sorted(code.writes - writable - local):
        place = _place(where, names.assigned.get(name))
        raise unknown_name("variable to write", name, writable, where=place)
    listed = code.reads | code.writes | local
    for name, line in names.mentioned.items():
        if name not in listed:
            place = _place(where, line)
            if name not in readable:
                raise unknown_name("name", name, readable, where=place)
            raise EquationError(f"{place}: '{name}' is not listed in `Code.reads`.")
    for name, line in names.assigned.items():
        if name not in code.writes | local:
            place = _place(where, line)
            raise EquationError(f"{place}: '{name}' is not listed in `Code.writes`.")
    _check_calls(names, where, code.calls)
    return local


def check_expression(
    text: str, where: str, readable: Names, calls: Names = frozenset()
) -> Names:
    """Raises an error if a C expression uses names that do not exist, or assigns.

    Args:
        text: the expression.
        where: start of error messages.
        readable: names that the expression may read.
        calls: functions that it may call besides those of C.

    Returns:
        The names that the expression reads.

    Raises:
        UnknownNameError: if a name does not exist.
        EquationError: if the expression assigns to a name.
    """
    names = names_in([text])
    for name in names.mentioned:
        if name not in readable:
            raise unknown_name("name", name, readable, where=f"{where}, '{text}'")
    for name in names.assigned:
        raise EquationError(f"{where}, '{text}': an expression assigns to '{name}'.")
    _check_calls(names, where, calls)
    return names.mentioned.keys()


def check_lines(
    lines: tuple[str, ...], where: str, readable: Names, writable: Names
) -> None:
    """Raises an error if lines that list no names use names that do not exist.

    Args:
        lines: C code.
        where, readable, writable: as for `check_code`.

    Raises:
        UnknownNameError: if a name does not exist.
        EquationError: if a name is assigned to that is not writable.
    """
    names = names_in(lines)
    known = readable | writable | names.declared.keys()
    for name, line in names.mentioned.items():
        if name not in known:
            raise unknown_name("name", name, known, where=_place(where, line))
    for name, line in names.assigned.items():
        if name not in writable | names.declared.keys():
            place = _place(where, line)
            raise EquationError(f"{place}: '{name}' cannot be assigned to.")
    _check_calls(names, where, frozenset())


def check_formula(text: str, where: str, parameters: Names) -> None:
    """Raises an error if an expression of parameters uses names that do not exist.

    Args:
        text: expression in the grammar of equations.
        where: start of error messages.
        parameters: names of the parameters.
    """
    check_names(text, frozenset(parameters), where)


def _check_calls(names: CNames, where: str, calls: Names) -> None:
    for name, line in names.called.items():
        if name not in calls:
            raise unknown_name("function", name, calls, where=_place(where, line))


def _place(where: str, line: int | None) -> str:
    return where if line is None else f"{where}, line {line}"
