"""Scanner and parser of GeNN's code strings, at least as strict as GeNN's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TYPE_WORDS = """char short int long float double signed unsigned int8_t int16_t
int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t bool scalar timepoint"""
_KEYWORDS = """const do else false for for_each_synapse if true while switch break
continue case default"""
_RESERVED = """return goto static struct typedef sizeof enum union extern inline
register void volatile auto"""
#: Tokens, longer ones first; `>>` and `/=` are not among them.
_SIGNS = """<<= ++ -- << <= >= == != && || += -= *= %= &= |= ^= + - * / % = < > & | ^ ~
! ? : ; , ( ) [ ] { }"""
_ASSIGNING = "= += -= *= %= &= |= ^= <<="
TYPES, KEYWORDS = frozenset(_TYPE_WORDS.split()), frozenset(_KEYWORDS.split())
RESERVED, _OPERATORS = frozenset(_RESERVED.split()), _SIGNS.split()
_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<number>0[xX][0-9a-fA-F]+U?|\d+\.\d*(?:[eE][+-]?\d+)?[fFdD]?"
    r"|\d+[eE][+-]?\d+[fFdD]?|\d+U?)(?![\w.])"
    r"|(?P<word>[A-Za-z]\w*)"
    r"|(?P<operator>" + "|".join(re.escape(o) for o in _OPERATORS) + ")"
)
#: {binary operator: precedence}
_BINARY = {
    op: level
    for level, ops in enumerate(
        ["||", "&&", "|", "^", "&", "== !=", "< > <= >=", "<<", "+ -", "* / %"], 1
    )
    for op in ops.split()
}
_ASSIGN = frozenset(_ASSIGNING.split())

Node = tuple[Any, ...]  #: (kind, parts...) of a syntax tree


class CodeError(RuntimeError):
    """Error in a code string."""


@dataclass(frozen=True, slots=True)
class Token:
    """Token of a code string: a "number", "word" or "operator"."""

    kind: str
    text: str


def scan(text: str) -> list[Token]:
    """Returns the tokens of a code string."""
    if "$(" in text or "/*" in text or ">>" in text or "/=" in text:
        raise CodeError(f"not in the language: {text!r}")
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise CodeError(f"cannot scan {text[at : at + 20]!r}")
        kind = str(match.lastgroup)
        if kind == "word" and match.group() in RESERVED:
            raise CodeError(f"reserved word {match.group()!r}")
        if kind == "number" and re.fullmatch(r"0\d+", match.group()):
            raise CodeError(f"octal number {match.group()!r}")
        if kind != "space":
            tokens.append(Token(kind, match.group()))
        at = match.end()
    return tokens


class Parser:
    """Recursive descent parser of one code string."""

    def __init__(self, text: str) -> None:
        self.tokens = scan(text)
        self.at = 0

    # ------------------------------------------------------------ tokens
    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].text if at < len(self.tokens) else ""

    def expect(self, text: str | None = None) -> Token:
        """Returns the next token, which has to be ``wanted``; None for any."""
        if self.at >= len(self.tokens):
            raise CodeError(f"the code ends where {text or 'more'} is needed")
        token = self.tokens[self.at]
        if text is not None and token.text != text:
            raise CodeError(f"expected {text!r}, found {token.text!r}")
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        """Skips the next token and returns True if it is ``wanted``."""
        if self.peek() != text:
            return False
        self.at += 1
        return True

    # ------------------------------------------------------------ statements
    def statements(self, end: str = "") -> list[Node]:
        statements = []
        while self.peek() != end:
            statements.append(self.statement())
        return statements

    def statement(self) -> Node:
        word = self.peek()
        if word in ("break", "continue", "switch", "do", "for_each_synapse"):
            raise CodeError(f"the interpreter of the tests has no {word!r}")
        special = {"{": self._block, "if": self._if, "while": self._while}
        special |= {"for": self._for, ";": self._empty, "const": self._declaration}
        if word in special:
            return special[word]()
        if word in TYPES:
            return self._declaration()
        node = ("expression", self.expression())
        self.expect(";")
        return node

    def _block(self) -> Node:
        self.expect()
        inner = self.statements("}")
        self.expect("}")
        return ("block", inner)

    def _empty(self) -> Node:
        self.expect()
        return ("block", [])

    def _while(self) -> Node:
        self.expect()
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        return ("for", None, condition, None, self.statement())

    def _if(self) -> Node:
        self.expect()
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        yes = self.statement()
        no = self.statement() if self.accept("else") else None
        return ("if", condition, yes, no)

    def _for(self) -> Node:
        self.expect()
        self.expect("(")
        first = self.statement()
        condition = self.expression()
        self.expect(";")
        step = self.expression()
        self.expect(")")
        return ("for", first, condition, step, self.statement())

    def _type(self) -> str:
        words = []
        while self.peek() in TYPES:
            words.append(self.expect().text)
        if not words:
            raise CodeError(f"expected a type, found {self.peek()!r}")
        return " ".join(words)

    def _declaration(self) -> Node:
        const = self.accept("const")
        type_ = self._type()
        declared = []
        while True:
            name = self.expect()
            if name.kind != "word" or name.text in KEYWORDS | TYPES:
                raise CodeError(f"{name.text!r} cannot be declared")
            value = self.assignment() if self.accept("=") else None
            if const and value is None:
                raise CodeError(f"constant {name.text!r} has no value")
            declared.append((name.text, value))
            if not self.accept(","):
                break
        self.expect(";")
        return ("declare", type_, const, declared)

    # ------------------------------------------------------------ expressions
    def expression(self) -> Node:
        return self.assignment()

    def assignment(self) -> Node:
        left = self.conditional()
        if self.peek() in _ASSIGN:
            operator = self.expect().text
            return ("assign", operator, left, self.assignment())
        return left

    def conditional(self) -> Node:
        condition = self.binary(1)
        if not self.accept("?"):
            return condition
        yes = self.expression()
        self.expect(":")
        return ("choose", condition, yes, self.conditional())

    def binary(self, level: int) -> Node:
        left = self.unary()
        while _BINARY.get(self.peek(), 0) >= level:
            operator = self.expect().text
            left = ("binary", operator, left, self.binary(_BINARY[operator] + 1))
        return left

    def unary(self) -> Node:
        word = self.peek()
        if word in ("-", "+", "!", "~"):
            self.expect()
            return ("unary", word, self.unary())
        if word in ("++", "--"):
            self.expect()
            return ("assign", f"{word[0]}=", self.unary(), ("number", 1, "int"))
        if word == "(" and self.peek(1) in TYPES:
            self.expect()
            type_ = self._type()
            self.expect(")")
            return ("cast", type_, self.unary())
        return self.postfix()

    def postfix(self) -> Node:
        node = self.primary()
        while True:
            if self.accept("["):
                node = ("index", node, self.expression())
                self.expect("]")
            elif self.peek() in ("++", "--"):
                word = self.expect().text
                node = ("assign", f"{word[0]}=", node, ("number", 1, "int"))
            else:
                return node

    def primary(self) -> Node:
        token = self.expect()
        if token.text == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token.kind == "number":
            return _number(token.text)
        if token.text in ("true", "false"):
            return ("number", token.text == "true", "bool")
        if token.kind != "word" or token.text in KEYWORDS | TYPES:
            raise CodeError(f"unexpected {token.text!r}")
        if not self.accept("("):
            return ("name", token.text)
        arguments: list[Node] = []
        while not self.accept(")"):
            arguments.append(self.assignment())
            if self.peek() != ")":
                self.expect(",")
        return ("call", token.text, arguments)


def _number(text: str) -> Node:
    if text.lower().startswith("0x"):
        return ("number", int(text.rstrip("U"), 16), "uint32_t")
    if text.endswith("U"):
        return ("number", int(text[:-1]), "uint32_t")
    if text.isdigit():
        return ("number", int(text), "int")
    kinds = {"f": "float", "d": "double"}
    return ("number", float(text.rstrip("fFdD")), kinds.get(text[-1].lower(), "scalar"))


def parse_statements(text: str) -> list[Node]:
    """Returns the syntax trees of a list of statements."""
    return Parser(text).statements()


def parse_expression(text: str) -> Node:
    """Returns the syntax tree of one expression, as of a threshold."""
    parser = Parser(text)
    node = parser.expression()
    if parser.at != len(parser.tokens):
        raise CodeError(f"more than an expression: {text!r}")
    return node
