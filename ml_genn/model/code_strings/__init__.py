"""Neuron models written as code strings: parsed, checked and normalised.

A model is a dictionary in the syntax of PyGeNN's ``create_neuron_model``, in its
current or its older spelling. Each code string is parsed as C, every name in it is
looked up, and it is printed again in single precision, so that a mistake is reported
with its slot and line before a C++ compiler runs.

The text of the blocks uses the model's own names. The condition may use locals that
the simulation code declares at its top level, so a backend prints these two, in this
order, in one C scope; the reset may not, so it can run in a loop of its own.

Modules in the order of the flow:

``vocabulary``
    C types, functions, names and numbers that code may use;
``declarations``
    entries of the dictionary: variables, parameters, derived parameters;
``syntax``
    from text to a syntax tree, and back to C in single precision;
``checks``
    scopes, expressions and statements of the tree;
``block``, ``parse``
    one code string; the whole model;
``neuron_code``
    the result.

All but the result are imported when there is code to parse, since this needs pycparser.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_genn.model.code_strings.neuron_code import CodeBlock, CodeVariable, NeuronCode
from ml_genn.model.code_strings.vocabulary.safe_integers import LOOP_CONTINUES


def parse_neuron_code(model: Mapping[str, object], where: str) -> NeuronCode:
    """Returns the model of a dictionary of code strings; see `parse.parsed_model`."""
    from ml_genn.model.code_strings.parse import parsed_model

    return parsed_model(model, where)


__all__ = [
    "LOOP_CONTINUES",
    "CodeBlock",
    "CodeVariable",
    "NeuronCode",
    "parse_neuron_code",
]
