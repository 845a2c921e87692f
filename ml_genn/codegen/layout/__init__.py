"""Memory layout of a plan: tables of places, which code and runtime share.

`Layout` has the place of each number. Its parts: rows of the state block (`state`),
indices of what the runtime passes (`arguments`), the gradients that synapses read of
their targets (`ports`), adjoints that are stored in a way of their own (`adjoints`).
"""

from ml_genn.codegen.layout.layout import Layout, history_names
from ml_genn.codegen.layout.state import StateRow
from ml_genn.codegen.sizes import ROW_ALIGNMENT, flag_bytes, padded

__all__ = [
    "ROW_ALIGNMENT",
    "Layout",
    "StateRow",
    "flag_bytes",
    "history_names",
    "padded",
]
