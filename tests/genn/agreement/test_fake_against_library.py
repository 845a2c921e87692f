"""The fake of PyGeNN accepts and refuses the models that PyGeNN accepts and refuses.

The tests need PyGeNN, which is built from source (docs/pygenn.md), and are skipped
without it. The library generates code, which is not compiled.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from genn.agreement.lowered_networks import CREATORS, lowered_network
from genn.fake import library
from genn.fake.checker import REAL_ARGUMENTS
from genn.test_fake_pygenn import REJECTED, RESULTS, SYNTAX_ERRORS, TYPE_ERRORS

from ml_genn.backends.pygenn.lowering.records import LoweredModel
from ml_genn.backends.pygenn.runtime.build import build

pygenn = pytest.importorskip(
    "pygenn", reason="needs PyGeNN, which is built from source (docs/pygenn.md)"
)
genn_model = pytest.importorskip("pygenn.genn_model")
DEVICE = "single_threaded_cpu"


class Installed:
    """PyGeNN with its CPU backend; it holds the code models that it has created."""

    def __init__(self) -> None:
        self.code_models: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        member = getattr(pygenn, name)
        if not re.fullmatch("create_.*_model", name):
            return member

        def create(*args: Any, **options: Any) -> Any:
            self.code_models.append(member(*args, **options))
            return self.code_models[-1]

        return create

    def GeNNModel(self, precision: str, name: str, **options: Any) -> Any:
        return pygenn.GeNNModel(precision, name, **{"backend": DEVICE, **options})


@pytest.fixture
def installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Installed:
    """PyGeNN, which generates code in the folder of the test and does not compile it.

    ``capfd`` takes its messages.
    """
    monkeypatch.setattr(genn_model, "check_call", lambda command: None)
    monkeypatch.chdir(tmp_path)
    return Installed()


def refusal(call: Callable[[], Any]) -> str:
    """Returns the error of a call; "" if it succeeds.

    PyGeNN raises ``Exception`` itself, too.
    """
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


# ---------------------------------------------------------------- code strings
def build_code(module: Any, code: str) -> None:
    """Builds a model of one code string with the names of ``NAMES``."""
    model = module.GeNNModel("float", "code")
    model.dt = 1.0
    kind = module.create_neuron_model("N", vars=[("v", "scalar"), ("back", "scalar")])
    ends = [
        model.add_neuron_population(name, 2, kind, {}, {"v": 0.0, "back": 0.0})
        for name in ("Source", "Target")
    ]
    if "total" in code:
        add_update(module, model, ends[0], code)
    else:
        add_synapses(module, model, ends, code)
    model.build()


def add_update(module: Any, model: Any, population: Any, code: str) -> None:
    """Adds a custom update that sums over examples."""
    access = module.CustomUpdateVarAccess.REDUCE_BATCH_SUM
    kind = module.create_custom_update_model(
        "U",
        vars=[("total", "scalar", access)],
        var_refs=[("v", "scalar")],
        update_code=code,
    )
    references = {"v": module.create_var_ref(population, "v")}
    model.add_custom_update("U", "Group", kind, {}, {"total": 0.0}, references)


def add_synapses(module: Any, model: Any, ends: Any, code: str) -> None:
    """Adds synapses that run the code at spikes."""
    read_only = module.VarAccessMode.READ_ONLY
    kind = module.create_weight_update_model(
        "W",
        params=["tau"],
        vars=[("v", "scalar"), ("k", "int")],
        post_neuron_var_refs=[("back", "scalar", read_only)],
        extra_global_params=[("tape", "scalar*")],
        pre_spike_syn_code=code,
    )
    references = {"back": module.create_var_ref(ends[1], "back")}
    init = module.init_weight_update(
        kind, {"tau": 2.0}, {"v": 0.0, "k": 0}, post_var_refs=references
    )
    synapses = model.add_synapse_population(
        "S", "DENSE", *ends, init, module.init_postsynaptic("DeltaCurr")
    )
    synapses.max_dendritic_delay_timesteps = 5


#: Code that PyGeNN accepts, and whose results are wrong: the fake refuses it.
MISUSED_INDICES = ("v = back[k + 1];", "v = back[max(k, 0)];")
#: Code that no compiler for GPUs accepts.
ONLY_ON_CPUS = tuple(
    code
    for code in TYPE_ERRORS
    if any(f"{name}(" in code for name in (*REAL_ARGUMENTS, "max"))
    and code not in (*MISUSED_INDICES, "v = fmax(v);")
)
#: Code that the C++ compiler refuses, after PyGeNN.
REFUSED_BY_COMPILER = ("const scalar x;",)
ELSEWHERE = (*MISUSED_INDICES, *ONLY_ON_CPUS, *REFUSED_BY_COMPILER)


@pytest.mark.parametrize("code", [*SYNTAX_ERRORS, *TYPE_ERRORS])
def test_code_that_the_fake_refuses(code: str, installed: Installed) -> None:
    accepted = refusal(lambda: build_code(installed, code)) == ""
    assert accepted == (code in ELSEWHERE)


@pytest.mark.parametrize("code", [code for code, _ in RESULTS])
def test_code_that_the_fake_accepts(code: str, installed: Installed) -> None:
    assert refusal(lambda: build_code(installed, code)) == ""


def test_indices_of_delayed_variables_are_pasted(
    installed: Installed, tmp_path: Path
) -> None:
    build_code(installed, "v = back[k + 1];")
    generated = (tmp_path / "code_CODE" / "synapseUpdate.cc").read_text()
    assert re.search(r"- group->k\[\w+\] \+ 1\) %", generated)


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
@pytest.mark.parametrize("code", [c for c in ONLY_ON_CPUS if "pow" not in c])
def test_functions_of_mixed_numbers_are_for_cpus(code: str, tmp_path: Path) -> None:
    """NVRTC has more overloads than nvcc with a host compiler's headers."""
    source = tmp_path / "kernel.cu"
    kernel = f"__global__ void f(float v, int k, float *out) {{ {code} *out = v; }}"
    source.write_text(f"#include <cmath>\n{kernel}\n")
    command = ["nvcc", "-c", "-std=c++17", str(source), "-o", str(tmp_path / "o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "error" in done.stdout + done.stderr


# ---------------------------------------------------------------- calls
#: Calls that PyGeNN lets pass: an attribute without an effect, and groups that it
#: merges although one queues spikes and the other variables.
LET_PASS = {
    "unknown attributes",
    "queues of spikes and of variables of one length",
}


@pytest.mark.parametrize("name", REJECTED)
def test_calls_that_the_fake_refuses(name: str, installed: Installed) -> None:
    call, _ = REJECTED[name]
    assert (refusal(lambda: call(installed)) == "") == (name in LET_PASS)


# ---------------------------------------------------------------- networks
def verdicts(lowered: LoweredModel, installed: Installed) -> list[str]:
    """Returns the refusals of the fake and of PyGeNN; "" for a model that builds."""

    def construct(module: Any) -> None:
        model = module.GeNNModel("float", "network", backend=DEVICE)
        model.dt = 1.0
        # The records that are built hold the code models.
        built = build(module, model, lowered)
        built.model.build()

    return [refusal(lambda m=m: construct(m)) for m in (library.module(), installed)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CREATORS)
def test_networks(name: str, installed: Installed) -> None:
    assert verdicts(lowered_network(name), installed) == ["", ""]
