"""The reference: a page for each public module, made from what the package says.

Each page lists the names in the module's ``__all__`` with their one-line summaries,
then describes them. A name that the built reference lacks is a warning.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PACKAGES = ("ml_genn", "ml_genn_eprop", "ml_genn_tf")
#: Modules of `ml_genn` without a page: their names are those of the package itself, or
#: no user's script needs them.
INNER = frozenset(
    {"codegen", "compiled", "connection", "lowering", "module_aliases", "network"}
    | {"population", "saving", "sequential", "summary", "training"}
)
#: Modules inside these that others extend; the rest of them is ours.
EXTENDED = {
    "ml_genn.backends": ("api",),
    "ml_genn.model": ("batch", "equations", "plan", "snapshot", "spike_gradients"),
}
FOLDER = "api"


def children(package: str) -> list[str]:
    """Public modules right inside a package."""
    found = pkgutil.iter_modules(getattr(import_module(package), "__path__", ()))
    return [f"{package}.{m.name}" for m in found if not m.name.startswith("_")]


def pages() -> Iterator[str]:
    """Names of the modules that have a page."""
    for package in PACKAGES:
        if find_spec(package) and public(package):
            yield package
    for module in children("ml_genn"):
        if module.rpartition(".")[2] in INNER:
            continue
        if module in EXTENDED:
            yield from (f"{module}.{name}" for name in EXTENDED[module])
        else:
            yield module
    if find_spec("ml_genn_tf"):
        yield "ml_genn_tf.converters"


def exported(module: str) -> list[str]:
    """What a module says is public, or else what it defines."""
    holder = import_module(module)
    own = [
        name
        for name, value in vars(holder).items()
        if kind(value) != "data" and value.__module__ == module and name[0] != "_"
    ]
    return list(getattr(holder, "__all__", own))


def public(module: str) -> list[str]:
    """Public names of a module that are no modules."""
    inside = children(module)
    return [name for name in exported(module) if f"{module}.{name}" not in inside]


def sections(page: str) -> list[str]:
    """The module of a page, and its public modules that have no page of their own."""
    inside = [f"{page}.{name}" for name in exported(page) if name not in public(page)]
    return [page, *(module for module in inside if module not in set(pages()))]


def kind(thing: Any) -> str:
    """Which directive describes a thing."""
    if inspect.isclass(thing):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if callable(thing) and hasattr(thing, "__code__") else "data"


def comment(module: str, name: str) -> str:
    """The ``#:`` comment of a value, in the module or in one that it takes it from."""
    from sphinx.pycode import ModuleAnalyzer

    for place in (module, *children(module)):
        found = ModuleAnalyzer.for_module(place).find_attr_docs().get(("", name))
        if found:
            return " ".join(line.strip() for line in found if line.strip())
    return ""


def summary(module: str, name: str) -> str:
    """One line about a public name."""
    thing = getattr(import_module(module), name)
    if kind(thing) == "data":
        return comment(module, name)
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def signature(thing: Any) -> str:
    """What a class is made with, where its ``__new__`` takes just anything."""
    if not inspect.isclass(thing) or not inspect.isfunction(thing.__new__):
        return ""
    if "args" not in inspect.signature(thing.__new__).parameters:
        return ""
    _, *taken = inspect.signature(thing.__init__).parameters.values()
    plain = [parameter.replace(annotation=parameter.empty) for parameter in taken]
    return str(inspect.Signature(plain))


def description(module: str, name: str) -> str:
    """The directive that describes a public name."""
    thing = getattr(import_module(module), name)
    if kind(thing) == "data":
        text = (
            f".. py:data:: {name}\n   :module: {module}\n\n   {comment(module, name)}\n"
        )
        if isinstance(thing, dict) and all(isinstance(key, str) for key in thing):
            text += f"   Names: {', '.join(f'``{key}``' for key in sorted(thing))}.\n"
        return text
    directive = f".. auto{kind(thing)}:: {module}.{name}{signature(thing)}\n"
    if inspect.isclass(thing):
        known = ", ".join(repeated(thing))
        how = "inherited-members" if split(thing) else "show-inheritance"
        directive += f"   :members:\n   :{how}:\n"
        directive += f"   :exclude-members: {known}\n" if known else ""
    return directive


def body(module: str, underline: str) -> str:
    """A module: what it is, a table of its names, and their descriptions."""
    title = f"{module}\n{underline * len(module)}\n"
    about = f".. py:module:: {module}\n\n{inspect.getdoc(import_module(module))}\n"
    names = public(module)
    rows = [f"   * - `~{module}.{n}`\n     - {summary(module, n)}\n" for n in names]
    table = ".. list-table::\n   :widths: 2 5\n\n" + "".join(rows) if names else ""
    return "\n".join([title, about, table, *(description(module, n) for n in names)])


def text(page: str) -> str:
    """A page, in reStructuredText."""
    module, *inner = sections(page)
    return "\n".join([body(module, "="), *(body(one, "-") for one in inner)])


def write_pages(app: Sphinx) -> None:
    """Writes the pages; those that say what they said keep their time."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    made = {folder / f"{page}.rst": text(page) for page in pages()}
    for old in set(folder.glob("*.rst")) - set(made):
        old.unlink()
    for path, new in made.items():
        if not path.exists() or path.read_text() != new:
            path.write_text(new)


def repeated(cls: type) -> list[str]:
    """Members that are described, with the same arguments, where a base is."""

    def known(name: str, value: Any) -> bool:
        own = arguments(value)
        for base in cls.__mro__[1:-1]:
            declared = {**inspect.get_annotations(base), **vars(base)}
            if name in declared and arguments(declared[name]) == own:
                return True
        return False

    members = vars(cls).items()
    return [n for n, value in members if n[0] != "_" and known(n, value)]


def split(cls: type) -> bool:
    """Whether bases without a page, modules of their own, hold a part of a class."""
    ours = [b for b in cls.__mro__[1:] if b.__module__.startswith(PACKAGES)]
    return bool(ours) and not any((b.__module__, b.__name__) in shown() for b in ours)


@cache
def shown() -> frozenset[tuple[str, str]]:
    """Module that defines it, and name, of every class with a description."""
    things = [getattr(import_module(module), name) for module, name in names()]
    return frozenset((t.__module__, t.__name__) for t in things if inspect.isclass(t))


def arguments(member: Any) -> list[str] | None:
    """Names of what a method takes; None if it is none."""
    plain = inspect.isfunction(member)
    return list(inspect.signature(member).parameters) if plain else None


def names() -> Iterator[tuple[str, str]]:
    """Every public name with its module."""
    for page in pages():
        for module in sections(page):
            yield from ((module, name) for name in public(module))


def report_missing(app: Sphinx, env: Any) -> None:
    """Warns of public names that no page describes."""
    from sphinx.util import logging

    known = env.get_domain("py").objects
    for module, name in names():
        if f"{module}.{name}" not in known:
            logging.getLogger(__name__).warning(
                "the reference lacks %s.%s", module, name
            )


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("env-check-consistency", report_missing)
    return {"parallel_read_safe": True}
