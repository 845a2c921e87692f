"""From the dictionary of a model to a `NeuronCode`."""

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


def parsed_model(model: Mapping[str, object], where: str) -> NeuronCode:
    """Returns the neuron model of a dictionary of code strings, checked.

    Args:
        model: ``vars`` (or ``var_name_types``), ``params`` (or ``param_names``),
            ``derived_params``, ``additional_input_vars``, ``sim_code``,
            ``threshold_condition_code``, ``reset_code`` and
            ``auto_refractory_required`` (or ``is_auto_refractory_required``), False by
            default. All are optional. In code, ``$(x)`` means ``x``.
        where: start of error messages, such as "neuron 'hidden'".

    Raises:
        EquationError: if the dictionary or its code is malformed or not supported.
        UnknownNameError: if a key, type, access mode, function or identifier is not
            known.
    """
    fields = canonical_fields(model, where)
    declared = Declarations(where)
    parameters = declared.parameters(fields.get("params"))
    derived = declared.derived_parameters(fields.get("derived_params"), parameters)
    inputs = declared.extra_inputs(fields.get("additional_input_vars"))
    variables = declared.variables(fields.get("vars"))
    refractory = refractory_field(fields, where)
    sim, threshold, reset = _blocks(fields, where, declared.names, refractory)
    return NeuronCode(
        variables=variables,
        parameters=parameters,
        derived_parameters=derived,
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
    """Returns the code of a step, the threshold condition and the code of the reset."""

    def source(slot: str, condition: bool = False, hides: str = "") -> Source:
        return Source(where, slot, code_field(fields, slot, where), condition, hides)

    sim, outer = parse_block(source("sim_code"), names, {})
    hides = _TESTED_EARLY if refractory else ""
    condition = source("threshold_condition_code", True, hides)
    threshold, _ = parse_block(condition, names, outer)
    reset, _ = parse_block(source("reset_code", hides=_LOOP_OF_ITS_OWN), names, outer)
    return sim, threshold, reset
