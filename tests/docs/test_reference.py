"""The reference contains every public name, each with a one-line summary."""

from __future__ import annotations

import importlib
import inspect
import logging
import re
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from docs.pages import DOCS

import ml_genn

sys.path.insert(0, str(DOCS))
reference: Any = importlib.import_module("api_reference")
sys.path.remove(str(DOCS))

NAMES = list(reference.names())


def documented() -> Iterator[tuple[str, Any]]:
    """Yields public classes and functions, and the methods in the reference."""
    for module, name in NAMES:
        thing = getattr(importlib.import_module(module), name)
        if reference.kind(thing) == "data":
            continue
        yield f"{module}.{name}", thing
        if inspect.isclass(thing):
            hidden = set(reference.repeated(thing))
            for key, value in vars(thing).items():
                shown = inspect.isfunction(value) or isinstance(value, property)
                if shown and key[0] != "_" and key not in hidden:
                    yield f"{module}.{name}.{key}", value


def test_every_public_module_has_a_page() -> None:
    pages = set(reference.pages())
    assert {"ml_genn", "ml_genn.errors", "ml_genn_eprop", "ml_genn.data"} <= pages
    for name in ml_genn.__all__:
        if isinstance(getattr(ml_genn, name), ModuleType):
            assert f"ml_genn.{name}" in pages, name
    for module in reference.children("ml_genn"):
        own = module in pages or module.rpartition(".")[2] in reference.INTERNAL
        inner = any(page.startswith(f"{module}.") for page in pages)
        assert own or inner, module


@pytest.mark.parametrize("page", list(reference.pages()))
def test_every_name_of_a_package_is_listed(page: str) -> None:
    listed = set(NAMES)
    loaded = importlib.import_module(page)
    for name in getattr(loaded, "__all__", ()):
        module = f"{page}.{name}" in reference.children(page)
        # Classes of our other packages are listed there.
        package = reference.package_of(getattr(loaded, name))
        assert module or (page, name) in listed or (package, name) in listed


def test_summaries_take_one_line() -> None:
    summaries = dict(documented())
    assert len(summaries) > 300
    for name, thing in summaries.items():
        first, *rest = (inspect.getdoc(thing) or "").split("\n")
        assert first.rstrip("`").endswith((".", ":")), f"{name}: {first!r}"
        assert not rest or not rest[0], f"{name}: its summary takes two lines"


def test_values_are_described() -> None:
    pytest.importorskip("sphinx", reason="extra 'docs'")
    for module, name in NAMES:
        assert reference.summary(module, name), f"{module}.{name} has no comment '#:'"


def test_pages_describe_what_they_list() -> None:
    pytest.importorskip("sphinx", reason="extra 'docs'")
    text = reference.text("ml_genn.neurons")
    assert "* - `~ml_genn.neurons.Neuron`\n     - Neuron model: equations" in text
    assert ".. autoclass:: ml_genn.neurons.LeakyIntegrateFire\n" in text
    assert ".. py:data:: default_neurons\n" in text
    assert "``leaky_integrate_fire``" in text
    lif = text.partition("autoclass:: ml_genn.neurons.LeakyIntegrateFire\n")[2]
    (hidden,) = [line for line in lif.split("..")[0].split("\n") if "exclude" in line]
    assert {" CHOICES", " equations"} <= set(hidden.split(","))
    compilers = reference.text("ml_genn.compilers")
    assert "BPTTCompiler(example_timesteps, losses, optimiser='adam'," in compilers


def test_a_missing_name_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("sphinx", reason="extra 'docs'")
    known = dict.fromkeys(f"{module}.{name}" for module, name in NAMES)
    del known["ml_genn.losses.Loss"]
    domain = SimpleNamespace(objects=known)
    env = SimpleNamespace(get_domain=lambda name: domain)
    with caplog.at_level(logging.WARNING):
        reference.report_missing(None, env)
    assert [r.getMessage() for r in caplog.records] == [
        "the reference lacks ml_genn.losses.Loss"
    ]


def test_descriptions_of_results_have_no_colon() -> None:
    """Sphinx reads text before a colon in the first line as a type."""
    with_colon = []
    for name, thing in documented():
        lines = (inspect.getdoc(thing) or "").splitlines()
        first = lines[:1] if isinstance(thing, property) else []
        if "Returns:" in lines:
            first = [lines[lines.index("Returns:") + 1]]
        with_colon += [name for line in first if ":" in re.sub("`+[^`]*`+", "", line)]
    assert not with_colon
