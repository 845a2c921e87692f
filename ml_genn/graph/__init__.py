"""Populations, the connections between them, and the ``with`` blocks that own them.

Modules here import only each other and what is below them; they are imported by name:

* `node`, `scope`, `default_params`: bases that connectivity and neurons build on.
* `graph`: `Population`, `Connection` and `Graph`, the base of `Network`.
* `copying`: states of copies and pickles.
* `decisions`: values of choices, which a network keeps after its first compiler.
* `traversal`: populations in the order in which spikes reach them.
"""

__all__ = [
    "copying",
    "decisions",
    "default_params",
    "graph",
    "node",
    "scope",
    "traversal",
]
