"""Functions that replace operators of C where these are undefined for some integers.

The header ``safe_integers.h`` defines them; it says with which results.
"""

from __future__ import annotations

from ml_genn.model.code_strings.vocabulary.c_types import INTEGER_TYPES

#: {operator of integers: function that is defined for all of them}
SAFE_FUNCTIONS = {
    "/": "divide_",
    "%": "remainder_",
    "<<": "shift_left_",
    ">>": "shift_right_",
}
#: {integer type: function that converts floating point numbers to it}
CONVERSIONS = {name: f"to_{name.replace(' ', '_')}_" for name in sorted(INTEGER_TYPES)}
#: function that counts iterations: false after too many of them in a time step
LOOP_CONTINUES = "loop_continues_"
#: all functions that the generated text of code strings calls besides those of C
HELPERS = frozenset({*SAFE_FUNCTIONS.values(), *CONVERSIONS.values()})
