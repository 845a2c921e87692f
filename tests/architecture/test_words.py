"""Docstrings say what a thing is, and names are those of the field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.modules import CODE_FOLDERS, ROOT, code_files, tree_of

#: First words of docstrings that define a thing by a question instead of a noun.
QUESTIONS = re.compile(r"(What|Whether|Where|Which|Who|How|When|If)\b")
#: {folder: docstrings that still begin so}; numbers only go down.
STILL = {
    "ml_genn": 42,
    "tests": 37,
}
#: Names that say that a value is at hand, but not what it is.
VAGUE = {"found", "given", "kept", "made", "taken", "told", "wanted"}
#: {folder: variables and arguments that still have such a name}; numbers only go down.
VAGUE_REMAINING = {"ml_genn": 52, "tests": 305}
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
#: {replaced word: files that still have it}; numbers only go down.
REMAINING: dict[str, int] = {
    "sleepers": 1,
    "Sweeps": 4,
}


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
    assert len(first_lines) <= STILL.get(folder, 0), f"docstrings:\n{listing}"


def files_with(word: str) -> list[str]:
    """Files that have a word in their text or in their name."""
    end = "" if word.endswith("_") else "(?![a-z])"
    pattern = re.compile(rf"(?<![A-Za-z_]){word}{end}")
    return [
        name
        for path in code_files(".py", ".h", ".cpp", ".cu", ".md")
        if path != Path(__file__).resolve()
        and (name := path.relative_to(ROOT).as_posix())
        and (pattern.search(name) or pattern.search(path.read_text()))
    ]


@pytest.mark.parametrize("word", REPLACED)
def test_replaced_words_are_gone(word: str) -> None:
    files = files_with(word)
    assert len(files) <= REMAINING.get(word, 0), f"now {REPLACED[word]}: {files}"


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
