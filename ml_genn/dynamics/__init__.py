"""Common base of neurons and synapses: equations with declared arguments.

Modules here are imported by name:

* `arguments`: declarations of arguments with unit, bounds, default and description.
* `model`: the base class, whose checks, parameters and initial values follow from them.
* `documentation`: the section on arguments of a docstring.
"""

__all__ = ["arguments", "documentation", "model"]
