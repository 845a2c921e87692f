"""Variables that carry the eligibility of a weight."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ml_genn.model.derivation.derivation import derive
from ml_genn.model.equations import Variable
from ml_genn.model.equations.system import system_of
from ml_genn.model.spike_gradients import ExactGradient, SurrogateGradient
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.synapses import Delta, Exponential

RATE = Variable("rate", "-rate / 100", "rate + 1")


@pytest.mark.parametrize(
    ("neuron", "synapse", "expected"),
    [
        (LeakyIntegrateFire(), Delta(), {"v"}),
        (LeakyIntegrateFire(tau_refrac=3.0), Delta(), {"v"}),
        (LeakyIntegrateFire(), Exponential(), {"v", "i_syn0"}),
        (AdaptiveLeakyIntegrateFire(tau_refrac=3.0), Delta(), {"v", "a"}),
    ],
)
def test_timers_and_rates_carry_nothing(
    neuron: Any, synapse: Any, expected: set[str]
) -> None:
    equations = neuron.equations()
    equations = replace(equations, variables=(*equations.variables, RATE))
    system = system_of(equations, (synapse.equations(),))
    rule = SurrogateGradient("exp(-u)")
    adjoint = derive(system, "here", rule).adjoint
    assert adjoint is not None
    assert set(adjoint.eligible) == {f"lambda_{name}" for name in expected}


def test_adaptation_that_no_gradient_follows_carries_nothing() -> None:
    system = system_of(AdaptiveLeakyIntegrateFire().equations(), (Delta().equations(),))
    rule = SurrogateGradient("exp(-u)", detached=("a",))
    adjoint = derive(system, "here", rule).adjoint
    assert adjoint is not None
    assert adjoint.eligible == ("lambda_v",)


def test_outputs_and_exact_gradients() -> None:
    system = system_of(LeakyIntegrate().equations(), (Exponential().equations(),))
    adjoint = derive(system, "here", SurrogateGradient("exp(-u)")).adjoint
    assert adjoint is not None
    assert set(adjoint.eligible) == {"lambda_v", "lambda_i_syn0"}
    adjoint = derive(system, "here", ExactGradient()).adjoint
    assert adjoint is not None
    assert adjoint.eligible == ()


@pytest.mark.parametrize(
    ("neuron", "synapse", "expected"),
    [
        (LeakyIntegrate(), Delta(), "exp(-dt/tau_mem)"),
        (LeakyIntegrate(), Exponential(), ""),
        (LeakyIntegrateFire(), Delta(), ""),
    ],
)
def test_what_a_step_leaves_of_the_only_memory(
    neuron: Any, synapse: Any, expected: str
) -> None:
    system = system_of(neuron.equations(), (synapse.equations(),))
    adjoint = derive(system, "here", SurrogateGradient("exp(-u)")).adjoint
    assert adjoint is not None
    assert adjoint.decay == expected
