"""Names of variables in mlGeNN's models, which scripts written for it use."""

from __future__ import annotations

from collections.abc import Container

#: {name in mlGeNN: name here}
EQUIVALENTS = {
    "A": "a",
    "Bias": "bias",
    "Input": "input",
    "LambdaI": "lambda_i_syn0",
    "LambdaV": "lambda_v",
    "Scount": "spike_count_",
    "TauRefrac": "tau_refrac",
    "V": "v",
    "VAvg": "v_avg_",
    "VMax": "v_max_",
    "VSum": "v_sum_",
    "Vreset": "v_reset",
    "Vthresh": "v_thresh",
    "d": "d",
    "delay": "d",
    "g": "g",
    "weight": "g",
}


def equivalent_name(name: str, known: Container[str]) -> str:
    """Returns the name of a variable here.

    Args:
        name: a name here or in mlGeNN; one of ``known`` is returned as it is.
        known: names of variables here.
    """
    return name if name in known else EQUIVALENTS.get(name, name)
