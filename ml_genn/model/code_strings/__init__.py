"""Neuron models given as code strings: parsed, checked and normalised.

A model is a dictionary in the syntax of PyGeNN's ``create_neuron_model``, in its
current or its older spelling. Each code string is parsed as C, every name in it is
looked up, and it is printed again in single precision, so that a mistake is reported
with its slot and line before any toolchain runs.

The text of the blocks uses the model's own names. The condition may use locals that
the simulation code declares at its top level, so a backend prints these two, in this
order, in one C scope; the reset may not, so it can run in a loop of its own.

Each module imports only from those before it: ``c_types``, ``functions`` and
``names`` are the vocabulary, ``neuron_code`` the result, ``fields``, ``derived`` and
``declarations`` read the dictionary, ``source`` and ``syntax`` turn text into a tree,
``literals``, ``scope``, ``expressions`` and ``statements`` check it, ``generator``
prints it, ``block`` and ``parse`` put this together. All but the result are imported
when there is code to parse.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_genn.model.code_strings.neuron_code import CodeBlock, CodeVariable, NeuronCode


def parse_neuron_code(model: Mapping[str, object], where: str) -> NeuronCode:
    """A neuron model given as code strings; see `parse.parsed`."""
    from ml_genn.model.code_strings.parse import parsed

    return parsed(model, where)


__all__ = ["CodeBlock", "CodeVariable", "NeuronCode", "parse_neuron_code"]
