"""Docstrings say what a thing is, and names are those of the field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from architecture.modules import CODE_FOLDERS, ROOT, code_files, tree_of

#: First words of docstrings that define a thing by a question instead of a noun.
QUESTIONS = re.compile(r"(What|Whether|Where|Which|Who|How|When|If)\b")
#: Names that say that a value is at hand, but not what it is.
VAGUE = {"found", "given", "kept", "made", "taken", "told", "wanted"}
#: {folder: variables and arguments that still have such a name}; numbers only go down.
VAGUE_REMAINING: dict[str, int] = {}
#: Words of earlier versions for which the field has a name (docs/glossary.md).
REPLACED = {
    "adds_patches": "is_shared_convolution",
    "amount_": "rate_regularisation_grad",
    "both_ways": "what the test compares",
    "by_hand": "manual_stepping",
    "helpings": "steal_work",
    "look_": "prev_step_loss_grad",
    "nir_tests": "nir_graphs",
    "run_pieces": "allreduce_in_buckets",
    "scenes": "networks",
    "seam": "api",
    "seats": "workers",
    "send_back": "synapse_backward",
    "silent_function": "derivative_without_spikes",
    "sleepers": "lazy_adjoints",
    "spikes_back": "backprop",
    "sweep_steps": "online_backward_step",
    "test_forgetting": "what the test checks",
    "test_helping": "test_work_stealing",
    "test_life": "what the test checks",
    "woken": "activated",
    "AWAKE": "SPIN_NS",
    "Drift": "LazyPropagator",
    "MLG_ASKS": "MLG_PREFETCH",
    "Recipe": "CompileConfig",
    "Seat": "Worker",
    "STRETCH": "CACHE_CHUNK",
    "Sweeps": "OnlineLayout",
    "Tally": "MetricAccumulator",
    "UNASKED": "UNROLL",
}
#: Words that no part of a name or of a sentence is, in any case of letters.
RETIRED = {
    "carried": "carryover, or continued state",
    "claim": "take work",
    "claims": "takes work",
    "drive": "input",
    "feed": "propagate, or project to",
    "helping": "work stealing",
    "helpings": "work stealing",
    "mirror": "transposed copy",
    "packed": "contiguous, or words of bits",
    "seat": "worker",
    "seats": "workers",
    "sleeper": "lazy adjoint",
    "sleepers": "lazy adjoints",
    "slope": "derivative",
    "slopes": "derivatives",
    "sweep": "backward pass",
    "sweeps": "backward passes",
    "woken": "activated",
}
#: {retired word: {file or folder: other meaning that it has there}}.
OTHER_MEANINGS = {
    "feed": {
        "ml_genn/lowering/few_spike/schedule.py": "feed back: recurrent connections",
        "tests/frontend/test_notebook_output.py": "HTMLParser.feed",
    },
    "packed": {
        "docs/cuda.md": "data of a batch in one array",
        "ml_genn/backends/cuda/model.py": "data of a batch in one array",
    },
    "slope": {
        "ml_genn/surrogates/expression.py": "argument of surrogates.Expression",
        "tests/contract/registered.py": "argument of surrogates.Expression",
        "ml_genn_tf/layers/activations.py": "Keras' argument negative_slope",
        "tests/conversion/test_activation_layers.py": "Keras' argument negative_slope",
        "tests/engine": "dV/dt, and a parameter of the AdEx neuron",
        "tests/frontend/test_values.py": "slope of a ramp",
        "tests/gradients/test_delays.py": "dV/dt",
        "tests/model/test_derivation.py": "dV/dt",
        "tests/reference": "dV/dt",
    },
    "slopes": {"tests/engine/test_user_models.py": "dV/dt of each variable"},
    "sweeps": {
        "README.md": "example data: sweeps over channels",
        "docs/examples.md": "example data: sweeps over channels",
        "tests/docs/test_readme.py": "example data: sweeps over channels",
    },
}
#: Parts of an identifier: split at underscores, digits and capital letters.
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
TEXT_SUFFIXES = (".py", ".h", ".cpp", ".cu", ".md", ".ipynb")


def docstrings(path: Path) -> list[str]:
    """Docstrings of a module, its classes and its functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [n for n in ast.walk(tree_of(path)) if isinstance(n, kinds)]
    return [text for node in nodes if (text := ast.get_docstring(node))]


@pytest.mark.parametrize("folder", CODE_FOLDERS)
def test_docstrings_begin_with_the_thing(folder: str) -> None:
    first_lines = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for path in code_files(".py")
        if path.relative_to(ROOT).parts[0] == folder
        for text in docstrings(path)
        if QUESTIONS.match(text)
    ]
    listing = "\n".join(first_lines)
    assert not first_lines, f"docstrings:\n{listing}"


def text_files() -> list[Path]:
    """Files with code or sentences; this one, which lists the words, is left out."""
    files = [ROOT / "README.md", *code_files(*TEXT_SUFFIXES)]
    return [path for path in files if path != Path(__file__).resolve()]


@cache
def parts_of(path: Path) -> frozenset[str]:
    """Words and parts of identifiers in a file and in its name, in small letters."""
    text = f"{path.relative_to(ROOT)} {path.read_text()}"
    return frozenset(part.lower() for part in PART.findall(text))


def test_identifiers_are_split_into_words() -> None:
    identifiers = "BackwardSweeps num_sweeps MLG_SWEEPS sweep2 CSRSweep"
    words = [part.lower() for part in PART.findall(identifiers)]
    sweeps = ["sweeps", "sweeps", "sweeps", "sweep", "sweep"]
    assert [word for word in words if word.startswith("sweep")] == sweeps


@pytest.mark.parametrize("word", RETIRED)
def test_retired_words_are_in_no_name(word: str) -> None:
    allowed = tuple(OTHER_MEANINGS.get(word, {}))
    files = [
        name
        for path in text_files()
        if word in parts_of(path)
        and not (name := path.relative_to(ROOT).as_posix()).startswith(allowed)
    ]
    assert not files, f"now {RETIRED[word]}: {files}"


@pytest.mark.parametrize("word", OTHER_MEANINGS)
def test_other_meanings_are_in_use(word: str) -> None:
    files = [
        path.relative_to(ROOT).as_posix()
        for path in text_files()
        if word in parts_of(path)
    ]
    unused = [
        place
        for place in OTHER_MEANINGS[word]
        if not any(name.startswith(place) for name in files)
    ]
    assert not unused


def files_with(word: str) -> list[str]:
    """Files that have a word in their text or in their name."""
    end = "" if word.endswith("_") else "(?![a-z])"
    pattern = re.compile(rf"(?<![A-Za-z_]){word}{end}")
    return [
        name
        for path in text_files()
        if (name := path.relative_to(ROOT).as_posix())
        and (pattern.search(name) or pattern.search(path.read_text()))
    ]


@pytest.mark.parametrize("word", REPLACED)
def test_replaced_words_are_gone(word: str) -> None:
    files = files_with(word)
    assert not files, f"now {REPLACED[word]}: {files}"


def vague_names(path: Path) -> Iterator[str]:
    """Yields variables and arguments of a file whose name is vague."""
    for node in ast.walk(tree_of(path)):
        name = ""
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.arg):
            name = node.arg
        if name in VAGUE:
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {name}"


@pytest.mark.parametrize("folder", CODE_FOLDERS)
def test_names_say_what_values_are(folder: str) -> None:
    names = [
        name
        for path in code_files(".py")
        if path.relative_to(ROOT).parts[0] == folder
        for name in vague_names(path)
    ]
    assert len(names) <= VAGUE_REMAINING.get(folder, 0), "\n".join(names)
