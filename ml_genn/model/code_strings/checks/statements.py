"""Checks of statements in the syntax tree of a code string."""

from __future__ import annotations

from typing import Any

from ml_genn.model.code_strings.checks.expressions import ExpressionChecker
from ml_genn.model.code_strings.checks.scope import Scope
from ml_genn.model.code_strings.syntax.source import Source
from ml_genn.model.code_strings.vocabulary.safe_integers import LOOP_CONTINUES


class StatementChecker(ExpressionChecker):
    """Checker of the statements of one block; nodes without a method are refused."""

    def __init__(self, source: Source, scope: Scope) -> None:
        super().__init__(source, scope)
        self._loops = 0  # loops around the statement

    def statement(self, node: Any) -> None:
        """Checks a statement; an expression is one as well."""
        method = getattr(self, f"_stmt_{type(node).__name__}", self.expression)
        method(node)

    def _stmt_Compound(self, node: Any) -> None:
        self.scope.open()
        for item in node.block_items or []:
            self.statement(item)
        self.scope.close()

    def _stmt_EmptyStatement(self, node: Any) -> None:
        pass

    def _stmt_If(self, node: Any) -> None:
        self.expression(node.cond)
        self.statement(node.iftrue)
        if node.iffalse is not None:
            self.statement(node.iffalse)

    def _stmt_For(self, node: Any) -> None:
        self.scope.open()
        if node.init is not None:
            self.statement(node.init)
        for part in (node.cond, node.next):
            if part is not None:
                self.expression(part)
        self._loop_body(node.stmt)
        self.scope.close()

    def _stmt_While(self, node: Any) -> None:
        self.expression(node.cond)
        self.scope.open()
        self._loop_body(node.stmt)
        self.scope.close()

    def _stmt_DoWhile(self, node: Any) -> None:
        self._stmt_While(node)

    def _loop_body(self, node: Any) -> None:
        """Checks a body in the scope of the head of its loop, as C++ does."""
        self._loops += 1
        self.calls.add(LOOP_CONTINUES)
        for item in getattr(node, "block_items", [node]) or []:
            self.statement(item)
        self._loops -= 1

    def _stmt_Break(self, node: Any) -> None:
        if not self._loops:
            raise self._refuse(node, "'break' and 'continue' belong in a loop")

    def _stmt_Continue(self, node: Any) -> None:
        self._stmt_Break(node)

    def _stmt_DeclList(self, node: Any) -> None:
        for declaration in node.decls:
            self.statement(declaration)

    def _stmt_Decl(self, node: Any) -> None:
        kind = type(node.type).__name__
        if kind != "TypeDecl" or node.name is None:
            raise self._unsupported(node, kind, "a declaration needs a type and a name")
        c_name = self._named_type(node, node.type)
        constant = "const" in node.quals
        node.type.quals = ["const"] if constant else []
        self.scope.declare(node, c_name, constant)
        if node.init is not None:
            self.scope.pending = node.name
            real = self.expression(node.init)
            self.forms.convert(node.init, c_name, real)
            self.scope.pending = ""
