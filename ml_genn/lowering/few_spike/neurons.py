"""C code of few-spike neurons.

A number is sent as the spikes of k time steps, its binary digits, highest first. In the
code, ``exponent`` is the number of digits that follow in the neuron's own window, so
that a spike has the value unit * 2^exponent (with signed digits, every second one is
negative: digits have base -2). ``input_exponent`` is the same for the digit that
arrives. ``last`` and ``start`` are the steps of the last and the first digit sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_genn.lowering.neurons.inputs import DATA
from ml_genn.model.equations.c_expression import c_expression
from ml_genn.model.plan import StateVariable
from ml_genn.neurons import (
    FewSpikeActivation,
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
    Neuron,
)
from ml_genn.neurons.few_spike.digits import Digits

RESULT = StateVariable("fx")  #: number that the neuron sends
_REMAINDER = StateVariable("v")  #: part of the number that is not sent yet


@dataclass(frozen=True, slots=True)
class FewSpikeCode:
    """One time step of a few-spike neuron.

    Args:
        lines: C code; it declares ``fires``, true if the neuron spikes.
        state: state variables.
        ports: names of variables that arriving spikes are added to.
        units: {constant: value of the last digit that is sent or arrives, or the limit
            of an output}.
        initial: {variable: initial value}; 0 for the others.
        bias: initial value of `RESULT`.
        has_data: True if the first port receives data.
    """

    lines: tuple[str, ...]
    state: tuple[StateVariable, ...]
    ports: tuple[str, ...]
    units: Mapping[str, float]
    initial: Mapping[str, float] = field(default_factory=dict)
    bias: Any = 0.0
    has_data: bool = False


def few_spike_code(neuron: Neuron, arriving: Sequence[Digits]) -> FewSpikeCode:
    """Returns the code of a few-spike neuron.

    Args:
        neuron: the neuron.
        arriving: kinds of digits that it receives, a port for each.
    """
    return next(
        code(neuron, arriving)
        for kind, code in _CODE.items()
        if isinstance(neuron, kind)
    )


def _digit_value(unit: str, exponent: str, digits: Digits) -> str:
    """Returns the C expression of a spike's value."""
    if not digits.signed:
        return f"{unit} * float(int64_t(1) << {exponent})"
    sign = f"({exponent} % 2 ? {unit} : -{unit})"
    return f"{sign} * float(int64_t(1) << {exponent} / 2)"


def _input(neuron: FewSpikeReluInput, arriving: Sequence[Digits]) -> FewSpikeCode:
    lines = (
        "const int exponent = int(last - step);",
        f"if (step == 0.0f) v = {DATA}{' - offset' if neuron.offset else ''};",
        f"const float value = {_digit_value('unit', 'exponent', neuron.digits)};",
        "const bool fires = value > 0.0f ? v >= value : v < value;",
        "v -= fires ? value : 0.0f;",
    )
    units = {"unit": neuron.digits.unit, "offset": neuron.offset}
    return FewSpikeCode(lines, (_REMAINDER,), (DATA,), units, has_data=True)


def _relu(neuron: FewSpikeRelu, arriving: Sequence[Digits]) -> FewSpikeCode:
    limits = {} if neuron.output_limit is None else {"limit": neuron.output_limit}
    lines = ("if (steps_left == 0) v = fx;", *_limit(neuron))
    return _sum(neuron, arriving, lines, limits)


def _activation(neuron: FewSpikeActivation, arriving: Sequence[Digits]) -> FewSpikeCode:
    lines = (
        "const float x = fx;",
        f"if (steps_left == 0) fx = {c_expression(neuron.expression).text};",
        "if (steps_left == 0) v = fx - offset;",
    )
    return _sum(neuron, arriving, lines, {"offset": neuron.offset})


def _sum(
    neuron: FewSpikeRelu | FewSpikeActivation,
    arriving: Sequence[Digits],
    result: Sequence[str],
    numbers: Mapping[str, float],
) -> FewSpikeCode:
    """Returns code that adds up the digits that arrive and sends a result.

    Args:
        neuron: the neuron.
        arriving: kinds of digits that it receives, a port for each.
        result: code that sets ``v``, the number that is sent.
        numbers: constants of that code.
    """
    ports = tuple(f"in{n}" for n in range(len(arriving)))
    units = {f"unit{n}": digits.unit for n, digits in enumerate(arriving)}
    lines = (
        "const int exponent = int(last - step), steps_left = int(start - step);",
        "const int input_exponent = steps_left > 0 ? steps_left : 0;",
        *(
            f"fx += {port} * ({_digit_value(unit, 'input_exponent', digits)});"
            for port, unit, digits in zip(ports, units, arriving, strict=True)
        ),
        *(f"{port} = 0.0f;" for port in ports),
        *result,
        f"const float value = {_digit_value('unit', 'exponent', neuron.digits)};",
        "const bool fires = steps_left <= 0 && v >= value;",
        "v -= fires ? value : 0.0f;",
    )
    units |= {"unit": neuron.digits.unit, **numbers}
    return FewSpikeCode(lines, (_REMAINDER, RESULT), ports, units, bias=neuron.bias)


def _limit(neuron: FewSpikeRelu) -> tuple[str, ...]:
    """Returns code that limits the number which an output reads."""
    if neuron.output_limit is None:
        return ()
    return ("if (steps_left == 0) fx = fx < 0.0f ? 0.0f : fx > limit ? limit : fx;",)


def _max_pool(neuron: FewSpikeMaxPool, arriving: Sequence[Digits]) -> FewSpikeCode:
    """Returns code that compares numbers digit by digit.

    ``candidates`` has a bit for each source that may still be the maximum. Where some
    of them spike, the others drop out.
    """
    (digits,) = arriving
    lines = (
        "const int exponent = int(last - step);",
        "const int32_t spiking = candidates & int32_t(in0);",
        "in0 = 0.0f;",
        "const bool fires = spiking != 0;",
        "candidates = fires ? spiking : candidates;",
        f"fx += fires ? {_digit_value('unit', 'exponent', digits)} : 0.0f;",
    )
    state = StateVariable("candidates", "int32_t"), RESULT
    all_bits = {"candidates": -1.0}
    return FewSpikeCode(lines, state, ("in0",), {"unit": digits.unit}, all_bits)


_CODE: Mapping[type, Callable[[Any, Sequence[Digits]], FewSpikeCode]] = {
    FewSpikeReluInput: _input,
    FewSpikeRelu: _relu,
    FewSpikeActivation: _activation,
    FewSpikeMaxPool: _max_pool,
}
