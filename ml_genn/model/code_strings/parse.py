"""A model's dictionary to a `NeuronCode`."""

from __future__ import annotations

from collections.abc import Mapping

from ml_genn.model.code_strings.block import parse_block
from ml_genn.model.code_strings.declarations.declarations import Declarations
from ml_genn.model.code_strings.declarations.fields import (
    canonical_fields,
    code_field,
    refractory_field,
)
from ml_genn.model.code_strings.neuron_code import CodeBlock, NeuronCode
from ml_genn.model.code_strings.syntax.source import Source
from ml_genn.model.code_strings.vocabulary.names import Name

_TESTED_EARLY = (
    "with auto_refractory_required the condition is also tested before sim_code runs; "
    "make it a variable"
)
_LOOP_OF_ITS_OWN = (
    "reset_code runs in a loop of its own; store it in a variable, or compute it "
    "again in reset_code"
)


def parsed(model: Mapping[str, object], where: str) -> NeuronCode:
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
    fields = canonical_fields(model, where)
    declared = Declarations(where)
    parameters = declared.parameters(fields.get("params"))
    derived = declared.derived(fields.get("derived_params"), parameters)
    inputs = declared.extra_inputs(fields.get("additional_input_vars"))
    variables = declared.variables(fields.get("vars"))
    refractory = refractory_field(fields, where)
    sim, threshold, reset = _blocks(fields, where, declared.names, refractory)
    return NeuronCode(
        variables=variables,
        parameters=parameters,
        derived=derived,
        extra_inputs=inputs,
        sim=sim,
        threshold=threshold if threshold.text else None,
        reset=reset,
        auto_refractory=refractory,
    )


def _blocks(
    fields: Mapping[str, object],
    where: str,
    names: Mapping[str, Name],
    refractory: bool,
) -> tuple[CodeBlock, CodeBlock, CodeBlock]:
    """What runs every step, the condition to spike, and what runs after a spike."""

    def source(slot: str, condition: bool = False, hides: str = "") -> Source:
        return Source(where, slot, code_field(fields, slot, where), condition, hides)

    sim, outer = parse_block(source("sim_code"), names, {})
    hides = _TESTED_EARLY if refractory else ""
    condition = source("threshold_condition_code", True, hides)
    threshold, _ = parse_block(condition, names, outer)
    reset, _ = parse_block(source("reset_code", hides=_LOOP_OF_ITS_OWN), names, outer)
    return sim, threshold, reset
