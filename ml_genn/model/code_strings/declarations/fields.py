"""Entries of the dictionary of a model, in PyGeNN's current and older spelling."""

from __future__ import annotations

from collections.abc import Mapping

from ml_genn.errors import EquationError, unknown_name

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


def model_error(where: str, reason: str) -> EquationError:
    """Returns the error for a malformed entry.

    Args:
        where: start of the message; may be empty.
        reason: the mistake.
    """
    return EquationError(f"{where}: {reason}" if where else reason)


def canonical_fields(model: Mapping[str, object], where: str) -> dict[str, object]:
    """Returns the entries of a model that are not None, by the newer keys.

    Args:
        model: the dictionary.
        where: start of error messages.

    Raises:
        EquationError, UnknownNameError: if a key is not known, not supported, or given
            in both spellings.
    """
    if not isinstance(model, Mapping):
        raise model_error(where, f"a neuron model must be a dictionary, got {model!r}")
    fields: dict[str, object] = {}
    spelling: dict[str, str] = {}
    for key, value in model.items():
        if key not in _KEYS:
            raise unknown_name("key of a neuron model", str(key), _KEYS, where=where)
        name = _KEYS[key]
        if value is None:
            continue
        if name in fields:
            raise model_error(
                where,
                f"'{spelling[name]}' and '{key}' are two spellings of one entry; "
                "give only one",
            )
        fields[name] = value
        spelling[name] = key
    if fields.pop("extra_global_params", None):
        raise model_error(
            where,
            "extra_global_params are not supported: they are pointers to arrays whose "
            "length nothing can check. Use a variable for a value per neuron, or a "
            "parameter for a value of the population",
        )
    return fields


def code_field(fields: Mapping[str, object], slot: str, where: str) -> str:
    """Returns the code string of a slot, with Unix line ends; empty if missing."""
    text = fields.get(slot, "")
    if not isinstance(text, str):
        raise model_error(where, f"{slot} must be text, got {text!r}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def refractory_field(fields: Mapping[str, object], where: str) -> bool:
    """Returns True if the model spikes only when its condition becomes true."""
    value = fields.get("auto_refractory_required", False)
    if not isinstance(value, bool):
        raise model_error(where, f"auto_refractory_required must be a bool: {value!r}")
    return value
