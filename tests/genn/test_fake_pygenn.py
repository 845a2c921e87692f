"""The fake PyGeNN rejects what PyGeNN rejects, and has its delays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from genn.fake import library
from genn.fake.checker import Checker, Name
from genn.fake.interpreter import Interpreter
from genn.fake.language import CodeError, parse_expression, parse_statements

from ml_genn.backends.pygenn.library import compile_model
from ml_genn.backends.pygenn.lowering.genn_code import genn_code
from ml_genn.backends.pygenn.lowering.scopes import with_unique_locals
from ml_genn.errors import BuildError, UnsupportedError

NAMES = {
    "v": Name("scalar", writable=True),
    "k": Name("int", writable=True),
    "tau": Name("scalar"),
    "back": Name("scalar", delayed=True),
    "total": Name("scalar", reduced=True),
    "tape": Name("scalar*"),
}


# ---------------------------------------------------------------- GeNN's language
SYNTAX_ERRORS = [
    "$(v) = 1.0;",
    "v = .5;",
    "v = 5L;",
    "k = 017;",
    "v /= 2.0;",
    "k = k >> 1;",
    "/* text */ v = 1.0;",
    "_v = 1.0;",
    "return 1;",
    "v = 1.0",
    "if (v > 0) { v = 1.0;",
    "const scalar x;",
    "float = 1.0;",
    "v = (1.0;",
    "v = expf(1.0)) ;",
]


@pytest.mark.parametrize("code", SYNTAX_ERRORS)
def test_syntax_errors(code: str) -> None:
    with pytest.raises(CodeError):
        parse_statements(code)


TYPE_ERRORS = [
    "w = 1.0;",
    "v = w;",
    "tau = 1.0;",
    "v = expf(v);",
    "v = fmax(v);",
    "v = max(v, 1);",
    "v = v % 2;",
    "v = 1.5 & 1;",
    "k = tape;",
    "v = tau[1];",
    "tape = 1.0;",
    "v = tape[v];",
    "total += 1.0;",
    "v = total;",
    "v = back + back[1];",
    "back = 1.0;",
    "const scalar x = 1.0; x = 2.0;",
    "scalar x = 1.0; scalar x = 2.0;",
    "{ scalar x = 1.0; } v = x;",
    "scalar x = 1.0; { scalar x = 2.0; }",
    "scalar x = 1.0; for (int i = 0; i < 2; ++i) { if (v > x) { int i = 1; } }",
    "v = back[k + 1];",
    "v = back[max(k, 0)];",
    "v = fmax(0, v);",
    "v = pow(v, 2);",
    "v = fmin(v, k);",
    "v = sqrt(2);",
    "gennrand_uniform();",
]


@pytest.mark.parametrize("code", TYPE_ERRORS)
def test_type_errors(code: str) -> None:
    with pytest.raises(CodeError):
        Checker(NAMES).run(parse_statements(code))


RESULTS = [
    ("v = tau * 2.0 + 1.0 / 4;", [4.25, 4.25]),
    ("v = max(v, 1.) + 1.0F;", [2, 2]),
    ("v = 7 / 2;", [3, 3]),
    ("v = (scalar)7 / 2;", [3.5, 3.5]),
    ("const scalar v = 5.0;", [0, 1]),
    ("if (v > 0.5) { v = 9.0; } else { v = -1.0; }", [-1, 9]),
    ("k = 3; while (k > 0) { v += k; k -= 1; }", [6, 7]),
    ("for (int i = 0; i < 4; ++i) { v += i; }", [6, 7]),
    ("v = v > 0.5 && tape[(int)v] > 1.0 ? 2.0 : 3.0;", [3, 2]),
    ("tape[(int)v] = 8.0; v = tape[0] + tape[1];", [16, 16]),
    ("v = (5 & 4) | (1U << 1);", [6, 6]),
    ("k = 2; v += k++;", [3, 4]),
    ("v = !(v != 0.0);", [1, 0]),
]


@pytest.mark.parametrize(("code", "expected"), RESULTS)
def test_results_of_code(code: str, expected: list[float]) -> None:
    tree = parse_statements(code)
    Checker(NAMES).run(tree)
    values = {
        "v": np.array([0, 1], np.float32),
        "k": np.zeros(2, np.int32),
        "tau": np.float32(2.0),
        "tape": np.array([1.0, 2.0], np.float32),
    }
    run = Interpreter((2,), values, {"v": "scalar", "k": "int"})
    run.run(tree)
    np.testing.assert_allclose(run.scopes[0]["v"], expected)


def test_thresholds_are_one_expression() -> None:
    assert parse_expression("v >= 1.0")
    with pytest.raises(CodeError):
        parse_expression("v >= 1.0; v")


def test_reading_beyond_an_array_is_an_error() -> None:
    run = Interpreter((1,), {"tape": np.zeros(2), "v": np.zeros(1)}, {"v": "scalar"})
    with pytest.raises(CodeError, match="2 elements"):
        run.run(parse_statements("v = tape[2];"))


# ---------------------------------------------------------------- translation of C
def test_c_becomes_genn_code() -> None:
    lines = [
        "const float x = fminf(.5f, expf(-1.F)) + (float) k;",
        "v /= x + 1.0F;",
        "v -= float(x > 0.0f) * fabsf(3.e-2f);",
    ]
    expected = (
        "const scalar x = fmin(0.5, exp(-1.0)) + (scalar) k;",
        "v = v / (x + 1.0);",
        "v -= (scalar)(x > 0.0) * fabs(3.0e-2);",
    )
    assert genn_code(lines, "here") == expected
    Checker(NAMES).run(parse_statements("\n".join(expected)))


@pytest.mark.parametrize("number", [-9, -1, 0, 7, 1 << 20])
def test_shifts_to_the_right_are_divisions(number: int) -> None:
    for bits in (0, 1, 3):
        (line,) = genn_code([f"k = (k >> {bits}) & 255;"], "here")
        run = Interpreter((1,), {"k": np.array([number], np.int32)}, {"k": "int"})
        run.run(parse_statements(line))
        assert run.scopes[0]["k"] == (number >> bits) & 255


@pytest.mark.parametrize(
    "line", ["k = (k + 1) >> 1;", "v = hypotf(v, v);", "_v = 1.0f;"]
)
def test_c_without_a_counterpart_is_rejected(line: str) -> None:
    with pytest.raises(UnsupportedError, match="here: GeNN's code"):
        genn_code([line], "here")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("v = fmaxf(0, v);", "v = fmax(0.0, v);"),
        (
            "v = fminf(v, fmaxf(-1, powf(v, 2)));",
            "v = fmin(v, fmax(-1.0, pow(v, 2.0)));",
        ),
        (
            "v = fmodf(tape[k + 1], 3) + min(k, 2);",
            "v = fmod(tape[k + 1], 3.0) + min(k, 2);",
        ),
        ("v = expf(2) * fmaxf(v, 1.5f);", "v = exp(2.0) * fmax(v, 1.5);"),
        ("v = sqrtf(-3) + ldexpf(v, 2);", "v = sqrt(-3.0) + ldexp(v, 2);"),
    ],
)
def test_real_functions_get_real_numbers(line: str, expected: str) -> None:
    assert genn_code([line], "here") == (expected,)
    Checker(NAMES).run(parse_statements(expected))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("int x = 1; { int x = 2; k += x; } k += x;", 3),
        ("{ int x = 2; k += x; } { int x = 3; k += x; }", 5),
        ("int x = 1; if (k == 0) { int x = 2, y = x; { int y = 4; k = x + y; } }", 6),
        ("for (int i = 0; i < 2; ++i) { for (int i = 0; i < 3; ++i) { k += 1; } }", 6),
        ("for (int i = 0; i < 2; ++i) k += i; for (int i = 0; i < 3; ++i) k += i;", 4),
        ("int x1_ = 5; int x = 1; { int x = 2; k = x + x1_; }", 7),
        ("int x = 7; { const scalar x = 1e1; k = (int)(x) + 1; }", 11),
    ],
)
def test_locals_of_inner_blocks_get_names_of_their_own(
    code: str, expected: int
) -> None:
    renamed = parse_statements(with_unique_locals(code))
    Checker(NAMES).run(renamed)
    run = Interpreter((1,), {"k": np.zeros(1, np.int32)}, {"k": "int"})
    run.run(renamed)
    assert run.scopes[0]["k"] == expected


# ---------------------------------------------------------------- calls of PyGeNN
@pytest.fixture
def pygenn(pygenn: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fake, whose code models live as long as the test."""
    code_models: list[Any] = []

    def with_references(create: Callable[..., Any]) -> Callable[..., Any]:
        def create_and_append(*args: Any, **options: Any) -> Any:
            code_models.append(create(*args, **options))
            return code_models[-1]

        return create_and_append

    for name in ("neuron", "weight_update", "custom_update"):
        create = f"create_{name}_model"
        monkeypatch.setattr(pygenn, create, with_references(getattr(pygenn, create)))
    return pygenn


def test_code_models_have_to_outlive_the_build() -> None:
    fake = library.module()
    model = fake.GeNNModel("float", "freed")
    spiker(fake, model, "Source")
    with pytest.raises(RuntimeError, match="freed"):
        model.build()


def spiker(pygenn: Any, model: Any, name: str, code: str = "", **more: Any) -> Any:
    """Adds a population of three neurons; by default none of them spikes."""
    options = {"vars": [("v", "scalar")], "threshold_condition_code": "v >= 1.0"}
    options |= more
    kind = pygenn.create_neuron_model(name, sim_code=code, **options)
    values = {variable: 0.0 for variable, *_ in options["vars"]}
    return model.add_neuron_population(name, 3, kind, {}, values)


def pair(pygenn: Any, code: str = "addToPost(g);", **more: Any) -> tuple[Any, ...]:
    """Returns a model, a population that spikes at 1 ms, its target and synapses."""
    model = pygenn.GeNNModel("float", "pair")
    model.dt = 1.0
    source = spiker(pygenn, model, "Source", "v = (t == 1.0) ? 1.0 : 0.0;")
    target = spiker(pygenn, model, "Target", "v = Isyn;")
    kind = pygenn.create_weight_update_model(
        "W",
        vars=[("g", "scalar", pygenn.VarAccess.READ_ONLY)],
        pre_spike_syn_code=code,
        **more,
    )
    synapses = model.add_synapse_population(
        "Synapses",
        "DENSE",
        source,
        target,
        pygenn.init_weight_update(kind, {}, {"g": 0.25}),
        pygenn.init_postsynaptic("DeltaCurr"),
    )
    return model, source, target, synapses


def arrivals(model: Any, target: Any) -> list[int]:
    """Runs a model, and returns the steps in which spikes arrive."""
    model.build()
    model.load()
    steps = []
    for step in range(8):
        model.step_time()
        target.vars["v"].pull_from_device()
        if target.vars["v"].view[0] > 0:
            steps.append(step)
    return steps


def test_spikes_take_a_step_and_their_delay(pygenn: ModuleType) -> None:
    model, _, target, _ = pair(pygenn)
    assert arrivals(model, target) == [2]
    model, _, target, synapses = pair(pygenn)
    synapses.axonal_delay_steps = 3
    assert arrivals(model, target) == [5]
    model, _, target, synapses = pair(pygenn, "addToPostDelay(g, 2);")
    synapses.max_dendritic_delay_timesteps = 3
    assert arrivals(model, target) == [4]


def digit_synapses(pygenn: Any, matrix: str = "DENSE", **more: Any) -> tuple[Any, Any]:
    """Returns a model of a population that spikes at 1 ms, and synapses of it.

    In each step the synapses append a digit to the variable ``seen``: 2 if they read
    the voltage of the spike, else 1. When the spike arrives they negate it.
    """
    model = pygenn.GeNNModel("float", "digits")
    model.dt = 1.0
    variables = [("v", "scalar"), ("w", "scalar")]
    code = "v = (t == 1.0) ? 1.0 : 0.0;"
    source = spiker(pygenn, model, "Source", code, vars=variables)
    kind = pygenn.create_weight_update_model(
        "W",
        params=["two"],
        vars=[("seen", "int")],
        pre_neuron_var_refs=[("v", "scalar", pygenn.VarAccessMode.READ_ONLY)],
        pre_spike_syn_code="seen = -seen;",
        synapse_dynamics_code="seen = seen * 10 + (v > 0.0 ? (int)two : 1);",
    )
    refs = {"v": pygenn.create_var_ref(source, "v")}
    init = pygenn.init_weight_update(kind, {"two": 2.0}, {"seen": 0}, pre_var_refs=refs)
    postsynaptic = pygenn.init_postsynaptic("DeltaCurr")
    target = spiker(pygenn, model, "Target")
    synapses = model.add_synapse_population(
        "S", matrix, source, target, init, postsynaptic, **more
    )
    return model, synapses


@pytest.mark.parametrize(("delay", "digits"), [(0, -1119), (2, -111119)])
def test_every_synapse_runs_in_every_step(
    delay: int, digits: int, pygenn: ModuleType
) -> None:
    """It runs before spikes arrive, and reads the source with the axonal delay."""
    model, synapses = digit_synapses(pygenn)
    synapses.axonal_delay_steps = delay
    model.build()
    model.load()
    for _ in range(4 + delay):
        model.step_time()
    synapses.vars["seen"].pull_from_device()
    assert (synapses.vars["seen"].view == digits).all()


def test_dynamic_parameters_of_synapses(pygenn: ModuleType) -> None:
    model, synapses = digit_synapses(pygenn)
    with pytest.raises(AttributeError, match="set_wu_param_dynamic"):
        synapses.set_param_dynamic("two")
    synapses.set_wu_param_dynamic("two")
    model.build()
    model.load()
    synapses.set_dynamic_param_value("two", 3.0)
    for _ in range(3):
        model.step_time()
    synapses.vars["seen"].pull_from_device()
    assert (synapses.vars["seen"].view == -113).all()


def test_variables_set_between_steps_are_read_in_the_next_step(
    pygenn: ModuleType,
) -> None:
    model, synapses = digit_synapses(pygenn)
    model.build()
    model.load()
    source = model.neuron_populations["Source"]
    source.vars["v"].view[:] = 1.0
    source.vars["v"].push_to_device()
    model.step_time()
    synapses.vars["seen"].pull_from_device()
    assert (synapses.vars["seen"].view == 2).all()


@pytest.mark.parametrize("delay", [0, 1])
def test_updates_may_use_variables_with_and_without_delay(
    delay: int, pygenn: ModuleType
) -> None:
    model, synapses = digit_synapses(pygenn)
    synapses.axonal_delay_steps = delay
    kind = pygenn.create_custom_update_model(
        "U", var_refs=[("v", "scalar"), ("w", "scalar")], update_code="v = w + 1.0;"
    )
    source = model.neuron_populations["Source"]
    refs = {name: pygenn.create_var_ref(source, name) for name in ("v", "w")}
    model.add_custom_update("U", "Group", kind, {}, {}, refs)
    model.build()
    model.load()
    model.custom_update("Group")
    source.vars["v"].pull_from_device()
    assert (source.vars["v"].view == 1.0).all()


def test_host_copies_are_pulled_and_pushed(pygenn: ModuleType) -> None:
    model, source, target, _ = pair(pygenn)
    assert arrivals(model, target) == [2]
    variable = source.vars["v"]
    variable.view[:] = 5.0
    variable.pull_from_device()
    assert variable.view[0] == 0.0
    variable.view[:] = 5.0
    variable.push_to_device()
    variable.view[:] = 6.0
    variable.pull_from_device()
    assert variable.view[0] == 5.0


def test_only_several_examples_have_an_axis(pygenn: ModuleType) -> None:
    for batch, shape in ((1, (3,)), (2, (2, 3))):
        model, source, _, synapses = pair(pygenn)
        model.batch_size = batch
        model.build()
        model.load()
        assert source.vars["v"].view.shape == shape
        assert synapses.vars["g"].view.shape == (9,)


def update(pygenn: Any, model: Any, reference: Any, mode: str, code: str) -> Any:
    """Adds a custom update of one variable ``x``."""
    kind = pygenn.create_custom_update_model(
        "U",
        var_refs=[("x", "scalar", getattr(pygenn.VarAccessMode, mode))],
        update_code=code,
    )
    return model.add_custom_update("U", "Group", kind, {}, {}, {"x": reference})


def _population_after_build(pygenn: Any) -> Any:
    model, _, target, _ = pair(pygenn)
    model.build()
    spiker(pygenn, model, "Late")
    return target


def _other_type(pygenn: Any) -> Any:
    model, source, *_ = pair(pygenn)
    kind = pygenn.create_custom_update_model(
        "U", var_refs=[("x", "float")], update_code="x = 0;"
    )
    reference = pygenn.create_var_ref(source, "v")
    return model.add_custom_update("U", "Group", kind, {}, {}, {"x": reference})


def _read_only(pygenn: Any) -> Any:
    model, *_, synapses = pair(pygenn)
    reference = pygenn.create_wu_var_ref(synapses, "g")
    update(pygenn, model, reference, "READ_ONLY", "x = 1.0;")
    model.build()


def _event_alone(pygenn: Any) -> Any:
    return pair(pygenn, pre_event_syn_code="addToPre(g);")


def _long_delay(pygenn: Any) -> Any:
    return pair(pygenn, "addToPostDelay(g, 2);")[0].build()


def _written_weight(pygenn: Any) -> Any:
    return pair(pygenn, "g += 1.0;")[0].build()


def _unknown_input(pygenn: Any) -> Any:
    model, *_, synapses = pair(pygenn)
    synapses.post_target_var = "elsewhere"
    model.build()


def _same_name(pygenn: Any) -> Any:
    model, *_ = pair(pygenn)
    spiker(pygenn, model, "Source")


def _bad_name(pygenn: Any) -> Any:
    spiker(pygenn, pair(pygenn)[0], "a b")


def _missing_value(pygenn: Any) -> Any:
    kind = pygenn.create_neuron_model("N", params=["tau"])
    pair(pygenn)[0].add_neuron_population("N", 3, kind, {}, {})


def _unknown_group(pygenn: Any) -> Any:
    model, _, target, _ = pair(pygenn)
    arrivals(model, target)
    model.custom_update("Nothing")


def _not_dynamic(pygenn: Any) -> Any:
    model, source, target, _ = pair(pygenn)
    arrivals(model, target)
    source.set_dynamic_param_value("tau", 1.0)


def _unrecorded(pygenn: Any) -> Any:
    model, source, *_ = pair(pygenn)
    source.spike_recording_enabled = True
    model.build()
    model.load()


def _attribute(pygenn: Any) -> Any:
    pair(pygenn)[1].recording = True


def _stepped(pygenn: Any) -> Any:
    pair(pygenn)[0].step_time()


def _name_declared_twice(pygenn: Any) -> Any:
    model, *_ = pair(pygenn)
    kind = pygenn.create_neuron_model("N", params=["v"], vars=[("v", "scalar")])
    model.add_neuron_population("N", 3, kind, {"v": 1.0}, {"v": 0.0})
    model.build()


def _array_type(pygenn: Any) -> Any:
    model, *_ = pair(pygenn)
    arrays = {"extra_global_params": [("tape", "scalar")]}
    spiker(pygenn, model, "N", "v = tape[0];", **arrays)
    model.build()


def _dynamics_of_a_convolution(pygenn: Any) -> Any:
    sizes = dict.fromkeys(["kh", "kw", "ih", "iw", "ic", "oh", "ow", "oc"], 1)
    parameters = {f"conv_{name}": size for name, size in {**sizes, "ic": 3}.items()}
    convolution = pygenn.init_toeplitz_connectivity("Conv2D", parameters)
    digit_synapses(pygenn, "TOEPLITZ", connectivity_init=convolution)[0].build()


def _convolution_that_reads_neurons(pygenn: Any) -> Any:
    sizes = dict.fromkeys(["kh", "kw", "ih", "iw", "oh", "ow", "oc"], 1)
    parameters = {f"conv_{name}": size for name, size in {**sizes, "ic": 3}.items()}
    model = pygenn.GeNNModel("float", "convolution")
    model.batch_size = 2
    source, target = (spiker(pygenn, model, name) for name in ("Source", "Target"))
    kind = pygenn.create_weight_update_model(
        "W",
        post_neuron_var_refs=[("v", "scalar", pygenn.VarAccessMode.READ_ONLY)],
        pre_spike_syn_code="addToPost(v);",
    )
    refs = {"v": pygenn.create_var_ref(target, "v")}
    model.add_synapse_population(
        "Synapses",
        "TOEPLITZ",
        source,
        target,
        pygenn.init_weight_update(kind, {}, {}, post_var_refs=refs),
        pygenn.init_postsynaptic("DeltaCurr"),
        pygenn.init_toeplitz_connectivity("Conv2D", parameters),
    )
    model.build()


def _sparse_values_without_examples(pygenn: Any) -> Any:
    model = pygenn.GeNNModel("float", "sparse")
    model.batch_size = 2
    source, target = (spiker(pygenn, model, name) for name in ("Source", "Target"))
    kind = pygenn.create_weight_update_model("W", vars=[("g", "scalar")])
    synapses = model.add_synapse_population(
        "Synapses",
        "SPARSE",
        source,
        target,
        pygenn.init_weight_update(kind, {}, {"g": np.ones(2)}),
        pygenn.init_postsynaptic("DeltaCurr"),
    )
    synapses.set_sparse_connections(np.array([0, 1]), np.array([0, 1]))
    model.build()
    model.load()


def _queues_of_equal_length(pygenn: Any) -> Any:
    model, _, _, synapses = pair(pygenn)
    synapses.axonal_delay_steps = 2
    synapses.max_dendritic_delay_timesteps = 2
    model.build()


REJECTED: dict[str, tuple[Callable[[Any], Any], type[Exception]]] = {
    "populations after building": (_population_after_build, RuntimeError),
    "references of another type": (_other_type, RuntimeError),
    "writing what is read only": (_read_only, RuntimeError),
    "events without a threshold": (_event_alone, RuntimeError),
    "delays without a longest one": (_long_delay, RuntimeError),
    "synapses that write a weight that is read only": (_written_weight, RuntimeError),
    "unknown inputs": (_unknown_input, RuntimeError),
    "names used twice": (_same_name, RuntimeError),
    "names with a space": (_bad_name, RuntimeError),
    "parameters without a value": (_missing_value, RuntimeError),
    "unknown groups of updates": (_unknown_group, IndexError),
    "parameters that are not dynamic": (_not_dynamic, IndexError),
    "recordings of no length": (_unrecorded, RuntimeError),
    "unknown attributes": (_attribute, AttributeError),
    "steps before loading": (_stepped, RuntimeError),
    "dynamics of a convolution": (_dynamics_of_a_convolution, RuntimeError),
    "a convolution that reads neurons of several examples": (
        _convolution_that_reads_neurons,
        RuntimeError,
    ),
    "sparse values without an axis of examples": (
        _sparse_values_without_examples,
        IndexError,
    ),
    "queues of spikes and of variables of one length": (
        _queues_of_equal_length,
        RuntimeError,
    ),
    "arrays without a star": (_array_type, RuntimeError),
    "a name of a parameter and a variable": (_name_declared_twice, RuntimeError),
}


@pytest.mark.parametrize(("call", "error"), REJECTED.values(), ids=REJECTED.keys())
def test_rejected(
    call: Callable[[Any], Any], error: type[Exception], pygenn: ModuleType
) -> None:
    with pytest.raises(error):
        call(pygenn)


# ---------------------------------------------------------------- messages
def test_errors_have_the_message_that_genn_prints(
    pygenn: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, *_ = pair(pygenn, "addToPost(wrong_name);")
    with pytest.raises(BuildError, match="unknown name 'wrong_name'"):
        compile_model(model, str(tmp_path), show_output=False)
    assert capfd.readouterr() == ("", "")


def test_output_of_genn_is_shown_on_request(
    pygenn: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, *_ = pair(pygenn, "addToPost(wrong_name);")
    with pytest.raises(BuildError, match="could not build"):
        compile_model(model, str(tmp_path), show_output=True)
    assert "wrong_name" in capfd.readouterr().out
