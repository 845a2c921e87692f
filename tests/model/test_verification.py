"""The verifier of plans finds what is wrong with groups, code and expressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, TrainingCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import (
    EquationError,
    MlGennError,
    UnknownNameError,
    ValidationError,
)
from ml_genn.model.loss_formula import elementwise
from ml_genn.model.plan import (
    Code,
    Constant,
    Learned,
    LearnedKind,
    LearnedParameter,
    Loss,
    NeuronGroup,
    OptimiserUpdate,
    Plan,
    PlanValues,
    Port,
    Readout,
    Sensitivity,
    SharedKernelFormat,
    StateVariable,
    SynapseGroup,
)
from ml_genn.model.plan.kernel import Axis, Kernel
from ml_genn.model.verification import verify
from ml_genn.model.verification.c_names import names_in
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

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
#: Convolution between images of 2 x 2 pixels.
CONVOLUTION = SharedKernelFormat(
    "shared kernel", Kernel(Axis(2, 2, 1), Axis(2, 2, 1), 1, 1, (1, 1, 1, 1))
)
PLAN = Plan((INPUT, GROUP), (SYNAPSES,))
VALUES = PlanValues(dt=1.0, parameters={"hidden": {"tau": 2.0}})


def with_group(**changes: Any) -> Plan:
    """Returns the plan with a changed hidden group."""
    return replace(PLAN, neurons=(INPUT, replace(GROUP, **changes)))


def with_synapses(**changes: Any) -> Plan:
    """Returns the plan with a changed synapse group."""
    return replace(PLAN, synapses=(replace(SYNAPSES, **changes),))


def test_a_valid_plan_passes() -> None:
    assert verify(PLAN, VALUES) is PLAN


def test_plans_are_equal_by_content() -> None:
    assert hash(with_group()) == hash(PLAN)
    assert with_group() == PLAN
    assert with_group(size=4) != PLAN


UPDATE = OptimiserUpdate(Learned(LearnedKind.WEIGHT, "c"), (), (), Code())
READOUT = Readout((("v", 0.0),), Code(), Code(), "v", Sensitivity.VARIABLE, "1")


@pytest.mark.parametrize(
    ("plan", "error", "message"),
    [
        (
            replace(PLAN, neurons=(INPUT, INPUT, GROUP)),
            ValidationError,
            "two populations are named 'in'",
        ),
        (
            replace(PLAN, synapses=(SYNAPSES, SYNAPSES)),
            ValidationError,
            "two connections are named 'c'",
        ),
        (
            with_synapses(target="hiden"),
            UnknownNameError,
            r"Connection 'c'.*Did you mean 'hidden'",
        ),
        (
            replace(
                with_synapses(source="hidden"),
                neurons=(INPUT, replace(GROUP, threshold=None)),
            ),
            ValidationError,
            "never spikes",
        ),
        (with_synapses(port=1), ValidationError, "no such port"),
        (with_synapses(port=-1), ValidationError, "no such port"),
        (with_synapses(negates="d"), UnknownNameError, "Connection 'c'.*'d'"),
        (with_synapses(format=CONVOLUTION), ValidationError, "connects 4 to 4 neurons"),
        (with_synapses(learn=True), ValidationError, "no backward pass to learn"),
        (with_synapses(rewired=True), ValidationError, "sparse and learned"),
        (with_group(data="data"), UnknownNameError, "'hidden', data.*'data'"),
        (with_group(output="u"), UnknownNameError, "output variable.*'u'"),
        (
            with_group(ports=(Port("syn0", "in"),)),
            UnknownNameError,
            "port 'syn0'.*'in'",
        ),
        (
            with_group(variables=(*GROUP.variables, StateVariable("x", "double"))),
            UnknownNameError,
            "variable 'x'.*'double'",
        ),
        (
            with_group(variables=(*GROUP.variables, StateVariable("v"))),
            EquationError,
            "variable 'v' is declared twice",
        ),
        (
            with_group(constants=(Constant("v", "1"), Constant("k", "1"))),
            EquationError,
            "both a variable and a parameter",
        ),
        (with_group(readout=READOUT), EquationError, "name of the readout"),
        (with_group(saved_locals=("Isyn",)), UnknownNameError, "saved local.*'Isyn'"),
        (
            with_group(learned=(LearnedParameter("tau", True),)),
            ValidationError,
            "'tau' is learned but has no adjoint",
        ),
        (
            with_group(learned=(LearnedParameter("rho", True),)),
            UnknownNameError,
            "parameter.*'rho'",
        ),
        (replace(PLAN, updates=(UPDATE,)), UnknownNameError, "learned array"),
    ],
)
def test_groups_that_do_not_fit_are_refused(
    plan: Plan, error: type[MlGennError], message: str
) -> None:
    with pytest.raises(error, match=message):
        verify(plan, VALUES)


def test_errors_name_population_slot_and_line() -> None:
    code = Code(("v = 1;", "v += vv;"), frozenset({"v", "vv"}), frozenset({"v"}))
    with pytest.raises(UnknownNameError, match=r"'hidden', step, line 2.*'vv'"):
        verify(with_group(step=code), VALUES)


@pytest.mark.parametrize(
    ("line", "reads", "writes", "message"),
    [
        ("v = u;", {"u"}, {"v"}, "line 1.*'u'"),
        ("v = u;", set(), {"v"}, "line 1.*'u'"),
        ("v = k;", set(), {"v"}, r"'k' is not listed in `Code.reads`"),
        ("v = k;", {"k", "v"}, set(), r"'v' is not listed in `Code.writes`"),
        ("v++;", {"v"}, set(), r"'v' is not listed in `Code.writes`"),
        ("k = v;", {"v"}, {"k"}, "variable to write.*'k'"),
        ("v = draw();", set(), {"v"}, "function.*'draw'"),
    ],
)
def test_code_that_uses_other_names_than_it_lists_is_refused(
    line: str, reads: set[str], writes: set[str], message: str
) -> None:
    code = Code((line,), frozenset(reads), frozenset(writes))
    with pytest.raises((EquationError, UnknownNameError), match=message):
        verify(with_group(step=code, threshold=None), VALUES)


def test_locals_functions_of_c_and_listed_functions_are_known() -> None:
    lines = (
        "const float a = expf(-v), b = 2.0e-3f; // not_a_name",
        "for (int i = 0; i < 3; ++i) v += a * b * (float) i;",
        "v += gennrand_uniform() * num_steps;",
    )
    code = Code(
        lines, frozenset({"v", "num_steps"}), frozenset({"v"}), frozenset({GENNRAND})
    )
    verify(with_group(step=code, threshold="v >= a", saved_locals=("a",)), VALUES)


GENNRAND = "gennrand_uniform"


def test_names_in_c() -> None:
    names = names_in(["unsigned int a, *b = f(c, d);", "e[g] |= h.i == 0x1Fu;"])
    assert set(names.declared) == {"a", "b"}
    assert set(names.assigned) == {"b", "e"}
    assert set(names.mentioned) == set("abcdegh")
    assert names.called == {"f": 1}


def trained(
    compiler: type[TrainingCompiler], **arguments: Any
) -> tuple[Plan, PlanValues]:
    """Returns plan and values of a network that learns weights and a parameter."""
    with Network() as network:
        source = Population(SpikeInput(), 2, name="in")
        hidden = Population(LeakyIntegrateFire(), 3, name="hidden")
        output = Population(LeakyIntegrate(readout="avg_var"), 2, name="out")
        Connection(source, hidden, Dense(1.0), Exponential())
        Connection(hidden, output, Dense(1.0), Exponential())
    model = compiler(10, "sparse_categorical_crossentropy", **arguments)
    optimisers = {
        "all_connections": {"weight": "adam"},
        hidden: {"tau_mem": "adam"},
    }
    lowered = model.compile(network, optimisers=optimisers).lowered
    return lowered.plan, lowered.values


PLANS = {
    "EventProp": trained(EventPropCompiler, reg_lambda_upper=1.0),
    "BPTT": trained(BPTTCompiler, reset_gradient=True, backward_threshold=0.5),
}
#: fields that hold an expression
EXPRESSIONS = {
    *("expression", "threshold", "result", "weight"),
    *("weight_grad", "backprop", "condition", "decay"),
}
#: fields that hold lines of C without a list of names
LINES = {"cpp", "genn"}
Path = tuple[str | int, ...]


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields (path, value) of everything inside records and tuples."""
    yield path, value
    if isinstance(value, tuple):
        for k, item in enumerate(value):
            yield from walk(item, (*path, k))
    elif is_dataclass(value) and not isinstance(value, Code):
        for field in fields(value):
            yield from walk(getattr(value, field.name), (*path, field.name))


def replaced(record: Any, path: Path, value: Any) -> Any:
    """Returns a record with the value at a path replaced."""
    if not path:
        return value
    first, *rest = path
    if isinstance(first, int):
        changed = replaced(record[first], tuple(rest), value)
        return (*record[:first], changed, *record[first + 1 :])
    changed = replaced(getattr(record, first), tuple(rest), value)
    return replace(record, **{first: changed})


def slots(plan: Plan) -> Iterator[tuple[Path, Any]]:
    """Yields (path, value) of code, expressions and lines."""
    for path, value in walk(plan):
        named = bool(path) and path[-1] in EXPRESSIONS | LINES and bool(value)
        if isinstance(value, Code) or named:
            yield path, value


SLOTS = [
    pytest.param(rule, path, id=f"{rule}.{'.'.join(map(str, path))}")
    for rule, (plan, _) in PLANS.items()
    for path, _ in slots(plan)
]


def test_every_kind_of_code_is_among_the_slots() -> None:
    kinds = {path[-1] for plan, _ in PLANS.values() for path, _ in slots(plan)}
    assert kinds > (EXPRESSIONS | LINES) - {"decay"}
    assert kinds > {"step", "reset", "record", "jump", "rate_regularisation"}
    assert kinds > {"update", "on_spike", "code"}


@pytest.mark.parametrize("rule", PLANS)
def test_plans_of_learning_rules_pass(rule: str) -> None:
    plan, values = PLANS[rule]
    assert verify(plan, values) is plan


@pytest.mark.parametrize(("rule", "path"), SLOTS)
def test_an_unknown_name_is_found_in_every_slot(rule: str, path: Path) -> None:
    plan, values = PLANS[rule]
    (value,) = (v for p, v in slots(plan) if p == path)
    names = frozenset({"nothing"})
    if isinstance(value, Code):
        wrong: list[Any] = [
            replace(value, lines=(*value.lines, "nothing;")),
            replace(value, lines=(*value.lines, "nothing();")),
            replace(value, reads=value.reads | names),
            replace(value, writes=value.writes | names),
        ]
    elif isinstance(value, tuple):
        wrong = [(*value, "nothing;"), (*value, "nothing();"), (*value, "scale = 0;")]
    else:
        wrong = [f"{value} + nothing", f"{value} + nothing(1)"]
    for changed in wrong:
        with pytest.raises((EquationError, UnknownNameError)):
            verify(replaced(plan, path, changed), values)


def test_formulas_of_one_name_are_the_same() -> None:
    """The name is that of a C++ function, which would be defined twice."""
    square, cube = elementwise("own", "error**2"), elementwise("own", "error**3")
    neurons = [
        replace(GROUP, name=f"output{k}", loss=Loss(formula))
        for k, formula in enumerate((square, elementwise("own", "error**2"), cube))
    ]
    message = "'output0' and 'output2': their losses are both named .own."
    with pytest.raises(ValidationError, match=message):
        verify(Plan((INPUT, *neurons), ()), VALUES)
    with pytest.raises(ValidationError, match="no readout"):  # no error of names
        verify(Plan((INPUT, *neurons[:2]), ()), VALUES)


def test_formulas_of_losses_are_bounded() -> None:
    with pytest.raises(EquationError, match=r"Loss 'own'.*finite number"):
        elementwise("own", "error * 9**9**9**9")


def test_adjoints_fit_their_group() -> None:
    plan, values = PLANS["EventProp"]
    path: Path = ("neurons", 1, "adjoint")
    adjoint = plan.neurons[1].adjoint
    assert adjoint is not None
    for changes in (
        {"variables": (*adjoint.variables, "lambda_u")},
        {"eligible": ("lambda_u",)},
        {"tape": ("u",)},
        {"ports": ()},
    ):
        with pytest.raises((UnknownNameError, ValidationError)):
            verify(replaced(plan, path, replace(adjoint, **changes)), values)
