"""Neuron models given as code strings: parsed, checked and normalised.

A model is a dictionary in the syntax of PyGeNN's ``create_neuron_model``, in its
current or its older spelling. Each code string is parsed as C, every name in it is
looked up, and it is printed again in single precision, so that a mistake is reported
with its slot and line before any toolchain runs.

The text of the blocks uses the model's own names. Locals that the simulation code
declares at its top level may be used by the threshold and the reset, so a backend has
to print the three blocks in this order and the first two in one C scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import isfinite
from numbers import Real
from textwrap import dedent, shorten
from typing import Any

from ml_genn.errors import EquationError, unknown_name

_Derive = Callable[[Sequence[float], float], float]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One code string after normalisation.

    Attributes:
        text: C in single precision; a condition has no semicolon.
        reads: names of the model and of the simulator that are read (not locals).
        writes: model variables that are written.
        calls: functions called, as spelt in ``text``.
    """

    text: str
    reads: frozenset[str]
    writes: frozenset[str]
    calls: frozenset[str]


@dataclass(frozen=True, slots=True)
class CodeVariable:
    """A state variable: its name, its C type, whether code may only read it."""

    name: str
    type: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class NeuronCode:
    """A neuron model given as code strings.

    Attributes:
        variables: state variables, one value per neuron.
        parameters: names of the parameters. They are single-precision numbers; code
            that reads one declared with an integer type converts it back.
        derived: names and functions of the derived parameters; a function takes the
            parameter values in the order of ``parameters`` and dt [ms].
        extra_inputs: name, C type and initial value of additional inputs.
        sim: code that runs every step.
        threshold: condition to spike, None if the neuron never spikes.
        reset: code that runs after a spike.
        auto_refractory: spike only when the condition becomes true.
    """

    variables: tuple[CodeVariable, ...]
    parameters: tuple[str, ...]
    derived: tuple[tuple[str, _Derive], ...]
    extra_inputs: tuple[tuple[str, str, float], ...]
    sim: CodeBlock
    threshold: CodeBlock | None
    reset: CodeBlock
    auto_refractory: bool


def parse_neuron_code(model: Mapping[str, object], where: str) -> NeuronCode:
    """Parses and checks a neuron model given as a dictionary of code strings.

    Args:
        model: ``vars`` (or ``var_name_types``), ``params`` (or ``param_names``),
            ``derived_params``, ``additional_input_vars``, ``sim_code``,
            ``threshold_condition_code``, ``reset_code`` and
            ``auto_refractory_required`` (or ``is_auto_refractory_required``, false
            unless given). All may be left out. In code, ``$(x)`` means ``x``.
        where: how error messages refer to the model, such as "neuron 'hidden'".

    Returns:
        The model, its code in single precision.

    Raises:
        EquationError: the dictionary or its code is malformed or not supported.
        UnknownNameError: a key, type, access mode, function or identifier is unknown.
    """
    fields = _canonical_fields(model, where)
    declared = _Declarations(where)
    parameters = declared.parameters(fields.get("params"))
    derived = declared.derived(fields.get("derived_params"), parameters)
    inputs = declared.extra_inputs(fields.get("additional_input_vars"))
    variables = declared.variables(fields.get("vars"))

    refractory = fields.get("auto_refractory_required")
    if refractory is not None and not isinstance(refractory, bool):
        raise _error(where, f"auto_refractory_required must be a bool: {refractory!r}")

    def block(
        slot: str, outer: Mapping[str, _Name], **options: bool
    ) -> tuple[CodeBlock, dict[str, _Name]]:
        text = fields.get(slot, "")
        if not isinstance(text, str):
            raise _error(where, f"{slot} must be text, got {text!r}")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return _parse_block(
            _Source(where, slot, text, **options), declared.names, outer
        )

    sim, outer = block("sim_code", {})
    threshold, _ = block(
        "threshold_condition_code", outer, condition=True, early=bool(refractory)
    )
    reset, _ = block("reset_code", outer)
    return NeuronCode(
        variables=variables,
        parameters=parameters,
        derived=derived,
        extra_inputs=inputs,
        sim=sim,
        threshold=threshold if threshold.text else None,
        reset=reset,
        auto_refractory=bool(refractory),
    )


# Vocabulary of the code language


@dataclass(frozen=True, slots=True)
class _Name:
    """What is known of a name: its C type and, if fixed, why it cannot be written."""

    type: str
    fixed: str = ""
    convert: bool = False


@dataclass(frozen=True, slots=True)
class _Function:
    """A function: its single-precision spelling, arity, and how it treats integers.

    With integer arguments only, ``integer_form`` replaces the call if there is one:
    going through a float would lose digits and change integer division.
    """

    text: str
    arity: int
    real: bool = True
    integer_form: str = ""


def _type_table() -> dict[str, str]:
    """C types by their words in alphabetical order, as on an LP64 system."""
    table = {
        "scalar": "float",
        "timepoint": "float",
        "float": "float",
        "double": "double",
        "bool": "bool",
        "size_t": "uint64_t",
        "int": "int",
        "signed": "int",
        "int signed": "int",
        "unsigned": "unsigned int",
        "int unsigned": "unsigned int",
    }
    for bits in (8, 16, 32, 64):
        for prefix in ("int", "uint"):
            table[f"{prefix}{bits}_t"] = f"{prefix}{bits}_t"
    for base, bits in (("char", 8), ("short", 16), ("long", 64), ("long long", 64)):
        for integer in ("", " int") if bits > 8 else ("",):
            for sign, prefix in (("", ""), (" signed", ""), (" unsigned", "u")):
                words = sorted(f"{base}{integer}{sign}".split())
                table[" ".join(words)] = f"{prefix}int{bits}_t"
    return table


def _function_table() -> dict[str, _Function]:
    """Functions by name, those of C under their double and their float spelling."""
    unary = (
        "acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 "
        "fabs floor lgamma log log10 log1p log2 nearbyint rint round sin sinh sqrt "
        "tan tanh tgamma trunc"
    )
    binary = "atan2 copysign fdim fmax fmin fmod hypot ldexp nextafter pow remainder"
    arities = dict.fromkeys(unary.split(), 1)
    arities |= dict.fromkeys([*binary.split(), "scalbn"], 2) | {"fma": 3}
    table = {name: _Function(f"{name}f", arity) for name, arity in arities.items()}
    table["ilogb"] = _Function("ilogbf", 1, real=False)
    table |= {function.text: function for function in table.values()}
    table["abs"] = _Function("fabsf", 1, integer_form="(({0}) < 0 ? -({0}) : ({0}))")
    for name, sign in (("min", "<"), ("max", ">")):
        form = f"(({{0}}) {sign} ({{1}}) ? ({{0}}) : ({{1}}))"
        table[name] = _Function(f"f{name}f", 2, integer_form=form)
    for name in ("gennrand_uniform", "gennrand_normal", "gennrand_exponential"):
        table[name] = _Function(name, 0)
    table["gennrand"] = _Function("gennrand", 0, real=False)
    return table


_TYPES = _type_table()
_KNOWN_TYPES = frozenset(
    {"unsigned int", *(name for name in _TYPES if " " not in name)}
)
_REAL_TYPES = frozenset({"float", "double"})
_FUNCTIONS = _function_table()
_RANDOM = frozenset(name for name in _FUNCTIONS if name.startswith("gennrand"))
_LITERALS = frozenset({"true", "false"})
_PROVIDED = "provided by the simulator"
_BUILTINS = {
    **{name: _Name("float", _PROVIDED) for name in ("dt", "t", "Isyn")},
    **{
        name: _Name("unsigned int", _PROVIDED)
        for name in ("id", "batch", "num_batch", "num_neurons")
    },
}
_REFUSED_WORDS = {
    **dict.fromkeys(("goto", "return"), "code runs from its first to its last line"),
    **dict.fromkeys(("switch", "case", "default"), "use if and else instead"),
    **dict.fromkeys(
        ("struct", "union", "enum", "typedef"), "types cannot be defined here"
    ),
    **dict.fromkeys(
        ("static", "extern", "register", "auto", "volatile", "inline", "restrict"),
        "the only qualifier of a local is const",
    ),
    **dict.fromkeys(("sizeof", "offsetof"), "memory layout is not available"),
    "void": "neither functions nor pointers are supported",
    "asm": "assembly is not supported",
    "assert": "code cannot stop the simulation",
    "printf": "code cannot print; record the variable instead",
    "for_each_synapse": "a neuron model has no synapses",
}


_OTHER_RESERVED = """
    alignas alignof and and_eq bitand bitor bool break catch char class compl concept
    const consteval constexpr constinit const_cast continue co_await co_return
    co_yield decltype delete do double dynamic_cast else explicit export false float
    for friend if int long mutable namespace new noexcept not not_eq nullptr operator
    or or_eq private protected public reinterpret_cast requires short signed
    static_assert static_cast template this thread_local throw true try typeid
    typename typeof unsigned using virtual wchar_t while xor xor_eq EOF HUGE_VAL
    INFINITY NAN NULL errno
"""
_RESERVED = frozenset({*_OTHER_RESERVED.split(), *_REFUSED_WORDS})


def _c_type(words: Iterable[str]) -> str | None:
    """The C type that the words name in any order, None if it is not supported."""
    return _TYPES.get(" ".join(sorted(words)))


# Names that the dictionary declares

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_KEYS = {
    "var_name_types": "vars",
    "param_names": "params",
    "is_auto_refractory_required": "auto_refractory_required",
    **{
        key: key
        for key in (
            "vars",
            "params",
            "derived_params",
            "additional_input_vars",
            "extra_global_params",
            "sim_code",
            "threshold_condition_code",
            "reset_code",
            "auto_refractory_required",
        )
    },
}
_ACCESS = {
    "READ_WRITE": False,
    "READ_ONLY": True,
    "READ_ONLY_DUPLICATE": True,
    "READ_ONLY_SHARED_NEURON": True,
}


def _error(where: str, reason: str) -> EquationError:
    return EquationError(f"{where}: {reason}" if where else reason)


def _canonical_fields(model: Mapping[str, object], where: str) -> dict[str, object]:
    """The entries that are given, under the newer spelling of their keys."""
    if not isinstance(model, Mapping):
        raise _error(where, f"a neuron model must be a dictionary, got {model!r}")
    fields: dict[str, object] = {}
    spelling: dict[str, str] = {}
    for key, value in model.items():
        if key not in _KEYS:
            raise unknown_name("key of a neuron model", str(key), _KEYS, where=where)
        name = _KEYS[key]
        if value is None:
            continue
        if name in fields:
            raise _error(
                where,
                f"'{spelling[name]}' and '{key}' are two spellings of one entry; "
                "give only one",
            )
        fields[name] = value
        spelling[name] = key
    if fields.pop("extra_global_params", None):
        raise _error(
            where,
            "extra_global_params are not supported: they are pointers to arrays whose "
            "length nothing can check. Use a variable for a value per neuron, or a "
            "parameter for a value of the population",
        )
    return fields


class _ParameterValues(list[float]):
    """Parameter values by position, as in older PyGeNN, or by name, as in newer."""

    def __init__(self, names: Sequence[str], values: Iterable[float]) -> None:
        super().__init__(values)
        self._names = names

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self._names:
                raise unknown_name("parameter", key, self._names)
            return super().__getitem__(self._names.index(key))
        return super().__getitem__(key)


@dataclass(frozen=True, slots=True)
class _DerivedParameter:
    """The function of a derived parameter; it may index values by name as well."""

    function: Callable[[Any, float], float]
    parameters: tuple[str, ...]

    def __call__(self, values: Sequence[float], dt: float) -> float:
        return float(self.function(_ParameterValues(self.parameters, values), dt))


class _Declarations:
    """Reads the lists of a model and collects every name that its code may use."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.names: dict[str, _Name] = dict(_BUILTINS)

    def variables(self, value: object) -> tuple[CodeVariable, ...]:
        found = []
        for name, kind, *access in self._entries("vars", value, 2, 3):
            c_type = self._type(f"variable '{name}'", kind)
            fixed = self._read_only(name, access[0]) if access else False
            self._declare("vars", name, c_type, "declared read-only" if fixed else "")
            found.append(CodeVariable(name, c_type, fixed))
        return tuple(found)

    def parameters(self, value: object) -> tuple[str, ...]:
        found = []
        for name, *kind in self._entries("params", value, 1, 2):
            c_type = self._type(f"parameter '{name}'", *(kind or ["scalar"]))
            self._declare("params", name, c_type, "a parameter", convert=True)
            found.append(name)
        return tuple(found)

    def derived(
        self, value: object, parameters: tuple[str, ...]
    ) -> tuple[tuple[str, _Derive], ...]:
        found = []
        for name, function, *kind in self._entries("derived_params", value, 2, 3):
            if not callable(function):
                raise self._refuse(
                    "derived_params",
                    f"'{name}' needs a function of the parameters and dt, "
                    f"got {function!r}",
                )
            c_type = self._type(f"derived parameter '{name}'", *(kind or ["scalar"]))
            reason = "a derived parameter"
            self._declare("derived_params", name, c_type, reason, convert=True)
            found.append((name, _DerivedParameter(function, parameters)))
        return tuple(found)

    def extra_inputs(self, value: object) -> tuple[tuple[str, str, float], ...]:
        key = "additional_input_vars"
        found = []
        for name, kind, initial in self._entries(key, value, 3, 3):
            c_type = self._type(f"additional input '{name}'", kind)
            if not isinstance(initial, Real) or not isfinite(initial):
                raise self._refuse(
                    key,
                    f"the initial value of '{name}' must be a finite number, "
                    f"got {initial!r}",
                )
            self._declare(key, name, c_type, "an additional input")
            found.append((name, c_type, float(initial)))
        return tuple(found)

    def _refuse(self, key: str, reason: str) -> EquationError:
        return _error(self.where, f"{key}: {reason}")

    def _entries(
        self, key: str, value: object, least: int, most: int
    ) -> list[tuple[Any, ...]]:
        """The items of a list as tuples that start with a name."""
        if value is None:
            return []
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._refuse(key, f"a list is needed, got {value!r}")
        found: list[tuple[Any, ...]] = []
        for item in value:
            entry = tuple(item) if isinstance(item, (tuple, list)) else (item,)
            if not least <= len(entry) <= most or not isinstance(entry[0], str):
                size = str(most) if least == most else f"{least} or {most}"
                raise self._refuse(
                    key, f"an entry has {size} items, a name first; got {item!r}"
                )
            found.append(entry)
        return found

    def _declare(
        self, key: str, name: str, c_type: str, fixed: str, convert: bool = False
    ) -> None:
        reason = _name_fault(name)
        if not reason and name in self.names:
            builtin = name in _BUILTINS
            reason = f"is {_PROVIDED}" if builtin else "is declared twice"
        if reason:
            raise self._refuse(key, f"the name '{name}' {reason}")
        integer = convert and c_type not in _REAL_TYPES
        self.names[name] = _Name(c_type, fixed, integer)

    def _type(self, what: str, kind: object) -> str:
        place = f"{self.where}: {what}".removeprefix(": ")
        if not isinstance(kind, str):
            raise _error(place, f"the type must be text, got {kind!r}")
        if "*" in kind:
            raise _error(place, f"its type is '{kind}'; pointers are not supported")
        c_type = _c_type(kind.split())
        if c_type is None:
            raise unknown_name("type", kind, _KNOWN_TYPES, where=place)
        return c_type

    def _read_only(self, name: str, access: object) -> bool:
        text = access if isinstance(access, str) else getattr(access, "name", access)
        mode = str(text).rpartition(".")[2].upper()
        if mode not in _ACCESS:
            place = f"{self.where}: variable '{name}'".removeprefix(": ")
            raise unknown_name("access mode", str(text), _ACCESS, where=place)
        return _ACCESS[mode]


def _name_fault(name: str) -> str:
    """Why code cannot declare the name, empty if it can."""
    if not _NAME.fullmatch(name):
        return "is not a letter followed by letters, digits and underscores"
    if name in _RESERVED or _c_type([name]):
        return "is reserved in C or C++"
    return "is a function" if name in _FUNCTIONS else ""


# Source text

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_OLD_NAME = re.compile(r"\$\([ \t]*([A-Za-z]\w*)[ \t]*\)(?=\s*(\()?)", re.ASCII)
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)
_FUNCTION = re.compile(r"\w\s+[A-Za-z]\w*\s*\([^(){};]*\)\s*\{", re.ASCII)
_NOT_FUNCTION = re.compile(r"\w\s+(if|for|while)\s*\(")
_PREAMBLE = "".join(
    f"typedef float {name};"
    for name in _TYPES
    if name in ("scalar", "timepoint", "bool") or name.endswith("_t")
)


@dataclass(frozen=True, slots=True)
class _Source:
    """One code string, for messages that point into it.

    A condition is an expression; an early one is also tested before sim_code runs.
    """

    where: str
    slot: str
    text: str
    condition: bool = False
    early: bool = False

    def place(self, line: int) -> str:
        return f"{self.where}: {self.slot}, line {line}".removeprefix(": ")

    def error(self, line: int, reason: str) -> EquationError:
        lines = self.text.split("\n")
        line = min(max(line, 1), len(lines))
        shown = lines[line - 1].strip()
        tail = f"\n    {shorten(shown, 100)}" if shown else ""
        return EquationError(f"{self.place(line)}: {reason}{tail}")

    def error_at(self, code: str, position: int, reason: str) -> EquationError:
        return self.error(code.count("\n", 0, position) + 1, reason)


def _plain_c(source: _Source, names: Mapping[str, _Name]) -> str:
    """The text in plain C: without comments and older spellings; lines are kept."""

    def blank(match: re.Match[str]) -> str:
        return " " + "\n" * match[0].count("\n")

    def new_spelling(match: re.Match[str]) -> str:
        # Older code names a random number without calling the function.
        call = "()" if match[1] in _RANDOM and match[2] is None else ""
        return f" {match[1]}{call} "

    code = _COMMENT.sub(blank, source.text)
    code = _OLD_NAME.sub(new_spelling, code)
    if "DT" not in names:
        code = re.sub(r"\bDT\b", "dt", code)
    for sign, reason in (
        ("/*", "a comment is not closed"),
        ("$", "malformed '$'; the older spelling of a name is '$(name)'"),
        ("#", "preprocessor directives are not supported"),
        ('"', "text is not supported"),
        ("'", "characters are not supported"),
    ):
        if (position := code.find(sign)) >= 0:
            raise source.error_at(code, position, reason)
    _check_words(source, code)
    _check_braces(source, code)
    return code


def _check_words(source: _Source, code: str) -> None:
    for match in _FUNCTION.finditer(code):
        if not _NOT_FUNCTION.match(match[0]):
            reason = "functions cannot be defined here"
            raise source.error_at(code, match.start(), reason)
    for match in _WORD.finditer(code):
        word = match[0]
        if word in _REFUSED_WORDS:
            reason = f"'{word}' is refused: {_REFUSED_WORDS[word]}"
            raise source.error_at(code, match.start(), reason)
        if word.startswith("_"):
            reason = f"'{word}' is refused: names start with a letter"
            raise source.error_at(code, match.start(), reason)


def _check_braces(source: _Source, code: str) -> None:
    """Keeps text from ending the function that it is parsed in."""
    opened: list[int] = []
    for match in re.finditer("[{}]", code):
        if match[0] == "{":
            opened.append(match.start())
        elif not opened:
            raise source.error_at(code, match.start(), "unmatched '}'")
        else:
            opened.pop()
    if opened:
        raise source.error_at(code, opened[-1], "'{' is not closed")


def _parse_c(source: _Source, code: str) -> list[Any]:
    """The statements of a code string, as nodes of pycparser's syntax tree."""
    if not code.strip():
        return []
    if source.condition and ";" in code:
        reason = "a condition is one expression without ';'"
        raise source.error_at(code, code.index(";"), reason)
    module: Any = import_module("pycparser.c_parser")
    parser = module.CParser()
    next_token = parser.clex.token
    last: list[Any] = [None]

    def remember() -> Any:
        token = next_token()
        last[0] = token or last[0]
        return token

    parser.clex.token = remember
    ending = ";}" if source.condition else "}"
    try:
        tree = parser.parse(f"{_PREAMBLE} void block(void) {{\n{code}\n{ending}", "")
    except module.ParseError as error:
        raise _syntax_error(source, code, str(error), last[0]) from None
    items: list[Any] = tree.ext[-1].body.block_items or []
    if source.condition and len(items) != 1:
        raise source.error(1, "a condition is one expression")
    return items


def _syntax_error(source: _Source, code: str, message: str, token: Any) -> Exception:
    """What the parser reports, with the last token it read where it names no line."""
    found = re.match(r":(\d+):(?:\d+:)? *(?:before: (.*)|(.*))", message, re.DOTALL)
    line = int(found[1] if found else token.lineno) - 1
    if line > code.count("\n") + 1:
        line = code.rstrip().count("\n") + 1
        hint = "" if source.condition else ", is a ';' missing?"
        return source.error(line, f"syntax error: unexpected end{hint}")
    if found and found[3]:
        return source.error(line, f"syntax error: {found[3]}")
    unexpected = found[2] if found else token.value
    return source.error(line, f"syntax error: unexpected '{unexpected}'")


def _parse_block(
    source: _Source, names: Mapping[str, _Name], outer: Mapping[str, _Name]
) -> tuple[CodeBlock, dict[str, _Name]]:
    """A code string as a block, and the locals declared at its top level.

    Args:
        source: the code string.
        names: names of the model and of the simulator.
        outer: locals of earlier code that this block sees.
    """
    code = _plain_c(source, names)
    checker = _Checker(source, names, outer)
    try:
        items = _parse_c(source, code)
        for item in items:
            (checker.expression if source.condition else checker.statement)(item)
        text = checker.generate(items)
    except RecursionError:
        raise source.error(1, "the code is nested too deeply") from None
    block = CodeBlock(
        text,
        frozenset(checker.reads),
        frozenset(checker.writes),
        frozenset(checker.calls),
    )
    return block, checker.scopes[-1]


# Checks on the syntax tree

_REASONS = {
    "ArrayRef": "arrays are not supported",
    "ArrayDecl": "arrays are not supported",
    "PtrDecl": "pointers are not supported",
    "FuncDecl": "functions cannot be declared here",
    "StructRef": "structures are not supported",
    "InitList": "a local needs a single value",
    "CompoundLiteral": "a local needs a single value",
    "Label": "labels are not supported",
}
_INTEGER_OPERATORS = frozenset({"%", "&", "|", "^", "<<", ">>"})
_LOGICAL_OPERATORS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})


class _Checker:
    """Walks the syntax tree of one block and refuses what it has no method for.

    Methods for expressions return whether the value is a floating point number.
    """

    def __init__(
        self, source: _Source, names: Mapping[str, _Name], outer: Mapping[str, _Name]
    ) -> None:
        self.source = source
        self.names = names
        self.scopes: list[dict[str, _Name]] = [dict(outer), {}]
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.calls: set[str] = set()
        self.integer_calls: set[int] = set()
        self.pending = ""
        self.effects = 0
        self.loops = 0

    def generate(self, items: Sequence[Any]) -> str:
        """The checked statements as text."""
        generator = _generator_class()(self.names, self.integer_calls)
        tree: Any = import_module("pycparser.c_ast")
        if self.source.condition and items:
            text = str(generator.visit(items[0]))
            return f"({text})" if type(items[0]).__name__ == "ExprList" else text
        body = str(generator.visit(tree.Compound(list(items)))).splitlines()
        return dedent("\n".join(line for line in body[1:-1] if line.strip()))

    def statement(self, node: Any) -> None:
        method = getattr(self, f"_stmt_{type(node).__name__}", self.expression)
        method(node)

    def expression(self, node: Any) -> bool:
        kind = type(node).__name__
        method = getattr(self, f"_expr_{kind}", None)
        if method is None:
            reason = f"this is not an expression ({kind})"
            raise self._refuse(node, _REASONS.get(kind, reason))
        return bool(method(node))

    def _line(self, node: Any) -> int:
        """Line of a node in its slot; the preamble takes the first line of the text."""
        if node.coord is not None and node.coord.line > 1:
            return int(node.coord.line) - 1
        return next((self._line(child) for _, child in node.children()), 1)

    def _refuse(self, node: Any, reason: str) -> EquationError:
        return self.source.error(self._line(node), reason)

    # Statements

    def _stmt_Compound(self, node: Any) -> None:
        self.scopes.append({})
        for item in node.block_items or []:
            self.statement(item)
        self.scopes.pop()

    def _stmt_EmptyStatement(self, node: Any) -> None:
        pass

    def _stmt_If(self, node: Any) -> None:
        self.expression(node.cond)
        self.statement(node.iftrue)
        if node.iffalse is not None:
            self.statement(node.iffalse)

    def _stmt_For(self, node: Any) -> None:
        self.scopes.append({})
        if node.init is not None:
            self.statement(node.init)
        for part in (node.cond, node.next):
            if part is not None:
                self.expression(part)
        self._loop_body(node.stmt)
        self.scopes.pop()

    def _stmt_While(self, node: Any) -> None:
        self.expression(node.cond)
        self.scopes.append({})
        self._loop_body(node.stmt)
        self.scopes.pop()

    def _stmt_DoWhile(self, node: Any) -> None:
        self._stmt_While(node)

    def _loop_body(self, node: Any) -> None:
        """Checks a body in the scope of the head of its loop, as C++ does."""
        self.loops += 1
        for item in getattr(node, "block_items", [node]) or []:
            self.statement(item)
        self.loops -= 1

    def _stmt_Break(self, node: Any) -> None:
        if not self.loops:
            raise self._refuse(node, "'break' and 'continue' belong in a loop")

    def _stmt_Continue(self, node: Any) -> None:
        self._stmt_Break(node)

    def _stmt_DeclList(self, node: Any) -> None:
        for declaration in node.decls:
            self.statement(declaration)

    def _stmt_Decl(self, node: Any) -> None:
        kind = type(node.type).__name__
        if kind != "TypeDecl" or node.name is None:
            reason = "a declaration needs a type and a name"
            raise self._refuse(node, _REASONS.get(kind, reason))
        c_type = self._named_type(node, node.type)
        constant = "const" in node.quals
        node.type.quals = ["const"] if constant else []
        fault = _name_fault(node.name)
        if node.name in self.names:
            fault = "is a name of the model; give the local another"
        elif node.name in self.scopes[-1]:
            fault = "is declared twice"
        elif constant and node.init is None:
            fault = "is a constant and needs a value"
        if fault:
            raise self._refuse(node, f"the local name '{node.name}' {fault}")
        self.scopes[-1][node.name] = _Name(c_type, "a local constant" * constant)
        if node.init is not None:
            self.pending = node.name
            self.expression(node.init)
            self.pending = ""

    def _named_type(self, node: Any, type_node: Any) -> str:
        words = getattr(type_node.type, "names", [type(type_node.type).__name__])
        c_type = _c_type(words)
        if c_type is None:
            place = self.source.place(self._line(node))
            raise unknown_name("type", " ".join(words), _KNOWN_TYPES, where=place)
        return c_type

    # Expressions

    def _expr_Constant(self, node: Any) -> bool:
        text = _literal(node.value)
        if text is None:
            raise self._refuse(
                node, f"the number {node.value} is too large or not supported"
            )
        return _INTEGER.fullmatch(text) is None

    def _expr_ID(self, node: Any) -> bool:
        if node.name in _LITERALS:
            return False
        name = self._look_up(node)
        self._read(node)
        return name.type in _REAL_TYPES

    def _look_up(self, node: Any) -> _Name:
        if node.name == self.pending:
            # Even where an outer scope has the name, C means the new local.
            raise self._refuse(node, f"'{node.name}' is used in its own first value")
        for scope in (*reversed(self.scopes), self.names):
            if node.name in scope:
                return scope[node.name]
        if node.name in _FUNCTIONS:
            raise self._refuse(node, f"'{node.name}' is a function; call it")
        known = set(self.names).union(*self.scopes)
        place = self.source.place(self._line(node))
        raise unknown_name("identifier", node.name, known, where=place)

    def _read(self, node: Any) -> None:
        if node.name in self.names:
            self.reads.add(node.name)
        elif self.source.early:
            raise self._refuse(
                node,
                f"'{node.name}' is a local of sim_code, but with "
                "auto_refractory_required the condition is also tested before "
                "sim_code runs; make it a variable",
            )

    def _write(self, target: Any, *, read: bool) -> _Name:
        """Checks the target of an assignment, which reads it too unless plain."""
        if type(target).__name__ != "ID":
            self.expression(target)
            raise self._refuse(target, "only a variable can be assigned to")
        if target.name in _LITERALS:
            raise self._refuse(target, f"'{target.name}' cannot be written")
        name = self._look_up(target)
        if self.source.condition:
            raise self._refuse(target, "a condition cannot assign; '==' compares")
        if name.fixed:
            reason = f"'{target.name}' cannot be written: it is {name.fixed}"
            raise self._refuse(target, reason)
        if read:
            self._read(target)
        if target.name in self.names:
            self.writes.add(target.name)
        self.effects += 1
        return name

    def _expr_Assignment(self, node: Any) -> bool:
        name = self._write(node.lvalue, read=node.op != "=")
        target = name.type in _REAL_TYPES
        value = self.expression(node.rvalue)
        self._check_operator(node, node.op.removesuffix("="), target or value)
        return target

    def _expr_UnaryOp(self, node: Any) -> bool:
        if node.op in ("++", "--", "p++", "p--"):
            name = self._write(node.expr, read=True)
            if name.type == "bool":
                raise self._refuse(node, "a bool cannot be counted up or down")
            return name.type in _REAL_TYPES
        if node.op not in ("+", "-", "!", "~"):
            raise self._refuse(node, "pointers are not supported")
        real = self.expression(node.expr)
        if node.op == "~" and real:
            raise self._refuse(node, "'~' needs an integer")
        return real and node.op != "!"

    def _expr_BinaryOp(self, node: Any) -> bool:
        left, right = self.expression(node.left), self.expression(node.right)
        self._check_operator(node, node.op, left or right)
        return (left or right) and node.op not in _LOGICAL_OPERATORS

    def _check_operator(self, node: Any, operator: str, real: bool) -> None:
        if real and operator in _INTEGER_OPERATORS:
            hint = "; fmod takes the remainder of floats" if operator == "%" else ""
            raise self._refuse(node, f"'{operator}' needs two integers{hint}")

    def _expr_TernaryOp(self, node: Any) -> bool:
        self.expression(node.cond)
        first, second = self.expression(node.iftrue), self.expression(node.iffalse)
        return first or second

    def _expr_ExprList(self, node: Any) -> bool:
        return [self.expression(item) for item in node.exprs][-1]

    def _expr_Cast(self, node: Any) -> bool:
        kind = type(node.to_type.type).__name__
        if kind != "TypeDecl":
            reason = "this type is not supported"
            raise self._refuse(node, _REASONS.get(kind, reason))
        node.to_type.type.quals = []
        self.expression(node.expr)
        return self._named_type(node, node.to_type.type) in _REAL_TYPES

    def _expr_FuncCall(self, node: Any) -> bool:
        name = getattr(node.name, "name", None)
        if not isinstance(name, str):
            raise self._refuse(node, "only a function can be called")
        function = _FUNCTIONS.get(name)
        if function is None:
            if name in self.names or any(name in scope for scope in self.scopes):
                raise self._refuse(node, f"'{name}' is not a function")
            place = self.source.place(self._line(node))
            known = [key for key, value in _FUNCTIONS.items() if key != value.text]
            raise unknown_name("function", name, {*known, *_RANDOM}, where=place)
        arguments = node.args.exprs if node.args is not None else []
        if len(arguments) != function.arity:
            reason = f"'{name}' takes {function.arity} argument(s)"
            raise self._refuse(node, f"{reason}, got {len(arguments)}")
        return self._call(node, function, arguments)

    def _call(self, node: Any, function: _Function, arguments: list[Any]) -> bool:
        before = self.effects
        kinds = [self.expression(argument) for argument in arguments]
        if function.integer_form and not any(kinds):
            if self.effects != before:
                raise self._refuse(
                    node,
                    f"'{node.name.name}' of integers works out its arguments twice; "
                    "give it locals rather than assignments or random numbers",
                )
            self.integer_calls.add(id(node))
            return False
        self.calls.add(function.text)
        self.effects += function.text in _RANDOM
        return function.real


# Text in single precision

_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,22})[uUlL]*")
_FLOAT = re.compile(r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFlL]?")
_FLOAT_LIMIT = 3.4028235677973366e38  # rounds to infinity from here on


def _literal(value: str) -> str | None:
    """A number in single precision, None if it is too large or not standard C."""
    if found := _INTEGER.fullmatch(value):
        digits = found[1]
        octal = digits.startswith("0") and digits.isdigit()
        limit = 64 if "u" in value.lower() else 63
        number = int(digits, 8) if octal else int(digits, 0)
        return value if number < 2**limit else None
    found = _FLOAT.fullmatch(value)
    if found is None or float(found[1]) >= _FLOAT_LIMIT:
        return None
    return f"{found[1]}f"


@cache
def _generator_class() -> Any:
    """pycparser's generator with single-precision spellings.

    It is made on first use, so that importing this module does not import pycparser.
    """
    base: Any = import_module("pycparser.c_generator").CGenerator

    class SinglePrecisionGenerator(base):  # type: ignore[misc]
        def __init__(
            self, names: Mapping[str, _Name], integer_calls: frozenset[int]
        ) -> None:
            super().__init__()
            self.names = names
            self.integer_calls = integer_calls

        def visit_Constant(self, n: Any) -> str:
            return _literal(n.value) or ""

        def visit_ID(self, n: Any) -> str:
            name = self.names.get(n.name)
            if name is not None and name.convert:
                return f"(({name.type}) {n.name})"
            return str(n.name)

        def visit_IdentifierType(self, n: Any) -> str:
            return _c_type(n.names) or ""

        def visit_FuncCall(self, n: Any) -> str:
            function = _FUNCTIONS[n.name.name]
            if id(n) in self.integer_calls:
                arguments = [self.visit(argument) for argument in n.args.exprs]
                return function.integer_form.format(*arguments)
            listing = self.visit(n.args) if n.args is not None else ""
            return f"{function.text}({listing})"

    return SinglePrecisionGenerator
