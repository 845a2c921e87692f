"""A plan that is not well formed is refused in the user's terms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_genn.errors import EquationError, UnknownNameError, ValidationError
from ml_genn.model.plan import (
    Code,
    Constant,
    Learned,
    LearnedKind,
    NeuronGroup,
    OptimiserUpdate,
    Plan,
    Port,
    Readout,
    Sensitivity,
    StateVariable,
    SynapseGroup,
)
from ml_genn.model.verify import verify

STEP = Code(("v += k * in_syn0;",), frozenset({"v", "k", "in_syn0"}), frozenset({"v"}))
GROUP = NeuronGroup(
    "hidden",
    3,
    variables=(StateVariable("v"), StateVariable("in_syn0")),
    constants=(Constant("k", "1"),),
    ports=(Port("syn0", "in_syn0"),),
    output="v",
    step=STEP,
    threshold="v >= 1.0F",
)
INPUT = NeuronGroup("in", 2, events=True)
SYNAPSES = SynapseGroup("c", "in", "hidden", 0)
PLAN = Plan((INPUT, GROUP), (SYNAPSES,))


def with_group(**changes: object) -> Plan:
    """The plan with a changed hidden group."""
    return replace(PLAN, neurons=(INPUT, replace(GROUP, **changes)))  # type: ignore[arg-type]


def test_a_good_plan_passes_and_prints() -> None:
    assert verify(PLAN) is PLAN
    text = str(PLAN)
    assert "hidden:\n    size: 3" in text
    assert "c: source = in, target = hidden, port = 0" in text
    assert "v += k * in_syn0;" in text


def test_plans_are_equal_by_content() -> None:
    assert hash(with_group()) == hash(PLAN)
    assert with_group() == PLAN
    assert with_group(size=4) != PLAN


def test_duplicate_names() -> None:
    with pytest.raises(ValidationError, match="two populations are named 'in'"):
        verify(replace(PLAN, neurons=(INPUT, INPUT, GROUP)))


def test_unknown_identifier_names_population_slot_and_line() -> None:
    code = Code(("v = 1;", "v += vv;"), frozenset({"v", "vv"}), frozenset({"v"}))
    with pytest.raises(UnknownNameError, match=r"'hidden', step, line 2.*'vv'"):
        verify(with_group(step=code))


def test_unknown_population() -> None:
    with pytest.raises(
        UnknownNameError, match=r"Connection 'c'.*Did you mean 'hidden'"
    ):
        verify(replace(PLAN, synapses=(replace(SYNAPSES, target="hiden"),)))


def test_a_source_has_to_spike() -> None:
    synapses = replace(SYNAPSES, source="hidden")
    with pytest.raises(ValidationError, match="never spikes"):
        verify(
            replace(
                PLAN,
                neurons=(INPUT, replace(GROUP, threshold=None)),
                synapses=(synapses,),
            )
        )


def test_readout_names_do_not_collide() -> None:
    readout = Readout((("v", 0.0),), Code(), Code(), "v", Sensitivity.VARIABLE, "1")
    with pytest.raises(EquationError, match="name of the readout"):
        verify(with_group(readout=readout))


def test_a_variable_is_no_parameter() -> None:
    with pytest.raises(EquationError, match="both a variable and a parameter"):
        verify(with_group(constants=(Constant("v", "1"), Constant("k", "1"))))


def test_updates_belong_to_learned_connections() -> None:
    update = OptimiserUpdate(Learned(LearnedKind.WEIGHT, "c"), (), (), Code())
    with pytest.raises(UnknownNameError, match="learned array"):
        verify(replace(PLAN, updates=(update,)))
