"""What leaky neurons share: how input enters, and the refractory period."""

from __future__ import annotations

from typing import Any

from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.neurons.checks import check_flags, check_value
from ml_genn.neurons.neuron import Neuron

#: Input of a step as it enters tau_mem v' = -v + input.
SCALED_INPUT = "Isyn"
#: The same so that a step adds just Isyn: the factor undoes what integration does.
PLAIN_INPUT = "Isyn / (1 - exp(-dt / tau_mem))"


def membrane(
    scale_i: bool, jump: str | None, bias: bool = False, frozen: bool = False
) -> Variable:
    """The membrane potential, v' = (-v + input) / tau_mem.

    Args:
        scale_i: whether input is scaled by 1 - exp(-dt / tau_mem) in each step.
        jump: value after a spike.
        bias: whether a bias is added in each step.
        frozen: whether it stands still in the refractory period.
    """
    current = SCALED_INPUT if scale_i else PLAIN_INPUT
    if bias:
        current += " + bias / (1 - exp(-dt / tau_mem))"
    dynamics = f"(-v + {current}) / tau_mem"
    if frozen:
        dynamics = f"where(refrac_time > 0, 0, {dynamics})"
    return Variable("v", dynamics, jump)


def reset(relative: bool) -> str:
    """The membrane potential after a spike."""
    return "v - (v_thresh - v_reset)" if relative else "v_reset"


REFRACTORY = Variable("refrac_time", "where(refrac_time > 0, -1, 0)", "tau_refrac")


def fire_equations(
    neuron: Neuron, threshold: str, *adaptation: Variable
) -> NeuronEquations:
    """Equations of a leaky neuron that fires.

    Args:
        neuron: gives choices, parameters and whether there is a refractory period, in
            which the threshold cannot be crossed.
        threshold: crossed where it is >= 0.
        *adaptation: variables beside the membrane potential.
    """
    choice, parameters = neuron.choices(), tuple(neuron.parameters())
    refractory = "tau_refrac" in parameters
    frozen = refractory and not choice["integrate_during_refrac"]
    v = membrane(choice["scale_i"], reset(choice["relative_reset"]), frozen=frozen)
    if refractory:
        threshold = f"where(refrac_time > 0, -1, {threshold})"
    timer = (REFRACTORY,) if refractory else ()
    return NeuronEquations(
        (v, *adaptation, *timer), parameters, output="v", threshold=threshold
    )


def check_fire(neuron: Any) -> None:
    """Refuses parameters of a leaky neuron that fires, where they are none."""
    for name in ("v_thresh", "v_reset", "v"):
        check_value(neuron, name)
    check_value(neuron, "tau_mem")
    if neuron.tau_refrac is not None:
        check_value(neuron, "tau_refrac")
    check_flags(neuron, *neuron.CHOICES)


def fire_parameters(neuron: Any) -> dict[str, InitValue]:
    """Parameters of a leaky neuron that fires."""
    names = ["tau_mem", "v_thresh", "v_reset"]
    if neuron.tau_refrac is not None:
        names.append("tau_refrac")
    return {name: getattr(neuron, name) for name in names}
