"""Membrane equations that leaky neurons have in common."""

from __future__ import annotations

from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.time_steps import STEP_TOLERANCE

#: Input term of tau_mem v' = -v + input with scaled input.
SCALED_INPUT = "Isyn"
#: Input term with which a step adds Isyn itself: exact integration of a step multiplies
#: constant input by 1 - exp(-dt / tau_mem).
PLAIN_INPUT = "Isyn / (1 - exp(-dt / tau_mem))"

#: Remaining refractory period in time steps: counted down by 1 in each, 0 at the end of
#: the period, -1 after it. The number of steps is the period of
#: `ml_genn.utils.time_steps.whole_steps`.
REFRACTORY = Variable(
    "refrac_steps",
    "where(refrac_steps > -1, -1 / dt, 0)",
    f"ceil(tau_refrac / dt - {STEP_TOLERANCE})",
)


def membrane(
    scale_i: bool, jump: str | None, bias: bool = False, frozen: bool = False
) -> Variable:
    """Returns the membrane potential, tau_mem v' = -v + input.

    Args:
        scale_i: True if input is multiplied by 1 - exp(-dt / tau_mem) in each step.
        jump: value after a spike; None for neurons that do not spike.
        bias: True if a bias is added in each step; False by default.
        frozen: True if v' = 0 in the refractory period; False by default.
    """
    current = SCALED_INPUT if scale_i else PLAIN_INPUT
    if bias:
        current += " + bias / (1 - exp(-dt / tau_mem))"
    dynamics = f"(-v + {current}) / tau_mem"
    if frozen:
        dynamics = f"where(refrac_steps > 0, 0, {dynamics})"
    return Variable("v", dynamics, jump)


def reset(relative: bool) -> str:
    """Returns the membrane potential after a spike.

    Args:
        relative: True if a spike subtracts ``v_thresh - v_reset``; False if it sets v
            to ``v_reset``.
    """
    return "v - (v_thresh - v_reset)" if relative else "v_reset"


def leaky_spiking_equations(
    neuron: Neuron, threshold: str, *adaptation: Variable
) -> NeuronEquations:
    """Returns the equations of a leaky neuron that spikes.

    Args:
        neuron: neuron with the choices of `LeakyIntegrateFire`. With a parameter
            ``tau_refrac`` it has a refractory period, in which it cannot spike.
        threshold: expression that is >= 0 where the neuron spikes.
        *adaptation: variables besides the membrane potential.
    """
    choice, parameters = neuron.choices(), tuple(neuron.parameters())
    refractory = "tau_refrac" in parameters
    frozen = refractory and not choice["integrate_during_refrac"]
    v = membrane(choice["scale_i"], reset(choice["relative_reset"]), frozen=frozen)
    if refractory:
        threshold = f"where(refrac_steps > 0, -1, {threshold})"
    return NeuronEquations(
        (v, *adaptation, *((REFRACTORY,) if refractory else ())),
        parameters,
        output="v",
        threshold=threshold,
        refractory_timer=REFRACTORY.name if refractory else None,
    )
