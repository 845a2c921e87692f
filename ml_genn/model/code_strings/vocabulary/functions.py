"""Functions that code may call, and their spelling in single precision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """Function of C.

    Args:
        text: its spelling in single precision.
        arity: number of arguments.
        real: True (default) if it returns a floating point number.
        integer_form: replaces a call whose arguments are all integers: a conversion to
            float would lose digits and change integer divisions. Empty if there is no
            such form.
        integer_arguments: (position, C type) of arguments that are integers in C.
    """

    text: str
    arity: int
    real: bool = True
    integer_form: str = ""
    integer_arguments: tuple[tuple[int, str], ...] = ()


def _function_table() -> dict[str, Function]:
    """Returns {name: function}, with the double and the float spelling of C."""
    unary = (
        "acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 "
        "fabs floor lgamma log log10 log1p log2 nearbyint rint round sin sinh sqrt "
        "tan tanh tgamma trunc"
    )
    binary = "atan2 copysign fdim fmax fmin fmod hypot ldexp nextafter pow remainder"
    arities = dict.fromkeys(unary.split(), 1)
    arities |= dict.fromkeys([*binary.split(), "scalbn"], 2) | {"fma": 3}
    table = {name: Function(f"{name}f", arity) for name, arity in arities.items()}
    for name in ("ldexp", "scalbn"):
        table[name] = Function(f"{name}f", 2, integer_arguments=((1, "int"),))
    table["ilogb"] = Function("ilogbf", 1, real=False)
    table |= {function.text: function for function in table.values()}
    table["abs"] = Function("fabsf", 1, integer_form="(({0}) < 0 ? -({0}) : ({0}))")
    for name, sign in (("min", "<"), ("max", ">")):
        form = f"(({{0}}) {sign} ({{1}}) ? ({{0}}) : ({{1}}))"
        table[name] = Function(f"f{name}f", 2, integer_form=form)
    for name in ("gennrand_uniform", "gennrand_normal", "gennrand_exponential"):
        table[name] = Function(name, 0)
    table["gennrand"] = Function("gennrand", 0, real=False)
    return table


FUNCTIONS = _function_table()
RANDOM = frozenset(name for name in FUNCTIONS if name.startswith("gennrand"))
#: names that errors suggest; float spellings are accepted but not suggested
SUGGESTED = RANDOM.union(
    name for name, known in FUNCTIONS.items() if name != known.text
)
