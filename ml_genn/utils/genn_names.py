"""Names that variables have inside mlGeNN's models, which scripts use."""

from __future__ import annotations

from collections.abc import Container

#: {mlGeNN's name: ours}
OURS = {
    "A": "a",
    "Bias": "bias",
    "Input": "input",
    "LambdaI": "lambda_i_syn0",
    "LambdaV": "lambda_v",
    "RefracTime": "refrac_time",
    "Scount": "spike_count_",
    "V": "v",
    "VAvg": "v_avg_",
    "VMax": "v_max_",
    "VSum": "v_sum_",
    "d": "d",
    "delay": "d",
    "g": "g",
    "weight": "g",
}


def our_name(name: str, known: Container[str]) -> str:
    """The name of a variable; one that is known stays as it is.

    Args:
        name: ours or mlGeNN's.
        known: names of ours.
    """
    return name if name in known else OURS.get(name, name)
