"""Reference: a page for each public module, made from docstrings.

Each page lists the names in the module's ``__all__`` with their one-line summaries,
then describes them. A public name without a description is a warning of the build.
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
#: Modules of `ml_genn` without a page: their names are exported by the package, or
#: scripts of users do not need them.
INTERNAL = frozenset(
    {"codegen", "compiled", "connection", "lowering", "module_aliases", "network"}
    | {"population", "saving", "sequential", "summary", "training"}
)
#: Modules inside these packages that extensions use; the others have no page.
EXTENDED = {
    "ml_genn.backends": ("api",),
    "ml_genn.model": ("batch", "equations", "plan", "snapshot", "spike_gradients"),
}
FOLDER = "api"


def children(package: str) -> list[str]:
    """Returns the public modules directly inside a package."""
    modules = pkgutil.iter_modules(getattr(import_module(package), "__path__", ()))
    return [f"{package}.{m.name}" for m in modules if not m.name.startswith("_")]


def pages() -> Iterator[str]:
    """Yields the names of modules that have a page."""
    for package in PACKAGES:
        if find_spec(package) and public(package):
            yield package
    for module in children("ml_genn"):
        if module.rpartition(".")[2] in INTERNAL:
            continue
        if module in EXTENDED:
            yield from (f"{module}.{name}" for name in EXTENDED[module])
        else:
            yield module
    if find_spec("ml_genn_tf"):
        yield "ml_genn_tf.converters"


def exported(module: str) -> list[str]:
    """Returns the names in a module's ``__all__``, or else those it defines.

    Names of our other packages, such as the e-prop compiler, are described there.
    """
    loaded = import_module(module)
    defined = [
        name
        for name, value in vars(loaded).items()
        if kind(value) != "data" and value.__module__ == module and name[0] != "_"
    ]
    others = {*PACKAGES} - {module.partition(".")[0]}
    return [
        name
        for name in getattr(loaded, "__all__", defined)
        if package_of(getattr(loaded, name)) not in others
    ]


def package_of(value: Any) -> str:
    """Returns the package that defines a class or function; "" for other values."""
    return str(getattr(value, "__module__", "")).partition(".")[0]


def public(module: str) -> list[str]:
    """Returns the public names of a module that are not modules themselves."""
    inside = children(module)
    return [name for name in exported(module) if f"{module}.{name}" not in inside]


def sections(page: str) -> list[str]:
    """Returns the module of a page, and its public modules without an own page."""
    inside = [f"{page}.{name}" for name in exported(page) if name not in public(page)]
    return [page, *(module for module in inside if module not in set(pages()))]


def kind(value: Any) -> str:
    """Returns the kind of Sphinx directive that describes a value."""
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) and hasattr(value, "__code__") else "data"


def comment(module: str, name: str) -> str:
    """Returns the ``#:`` comment of a value, from the module or a child of it."""
    from sphinx.pycode import ModuleAnalyzer

    for place in (module, *children(module)):
        lines = ModuleAnalyzer.for_module(place).find_attr_docs().get(("", name))
        if lines:
            return " ".join(line.strip() for line in lines if line.strip())
    return ""


def summary(module: str, name: str) -> str:
    """Returns the one-line summary of a public name."""
    value = getattr(import_module(module), name)
    if kind(value) == "data":
        return comment(module, name)
    return (inspect.getdoc(value) or "").partition("\n")[0]


def signature(value: Any) -> str:
    """Returns the constructor's signature if ``__new__`` takes ``*args``, else ""."""
    if not inspect.isclass(value) or not inspect.isfunction(value.__new__):
        return ""
    if "args" not in inspect.signature(value.__new__).parameters:
        return ""
    _, *parameters = inspect.signature(value.__init__).parameters.values()
    plain = [p.replace(annotation=p.empty) for p in parameters]
    return str(inspect.Signature(plain))


def description(module: str, name: str) -> str:
    """Returns the directive that describes a public name."""
    value = getattr(import_module(module), name)
    if kind(value) == "data":
        text = (
            f".. py:data:: {name}\n   :module: {module}\n\n   {comment(module, name)}\n"
        )
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            text += f"   Names: {', '.join(f'``{key}``' for key in sorted(value))}.\n"
        return text
    directive = f".. auto{kind(value)}:: {module}.{name}{signature(value)}\n"
    if inspect.isclass(value):
        excluded = ", ".join(repeated(value))
        option = "inherited-members" if split(value) else "show-inheritance"
        directive += f"   :members:\n   :{option}:\n"
        directive += f"   :exclude-members: {excluded}\n" if excluded else ""
    return directive


def body(module: str, underline: str) -> str:
    """Returns a module's docstring, a table of its names, and their descriptions."""
    title = f"{module}\n{underline * len(module)}\n"
    about = f".. py:module:: {module}\n\n{inspect.getdoc(import_module(module))}\n"
    names = public(module)
    rows = [f"   * - `~{module}.{n}`\n     - {summary(module, n)}\n" for n in names]
    table = ".. list-table::\n   :widths: 2 5\n\n" + "".join(rows) if names else ""
    return "\n".join([title, about, table, *(description(module, n) for n in names)])


def text(page: str) -> str:
    """Returns a page in reStructuredText."""
    module, *children = sections(page)
    return "\n".join([body(module, "="), *(body(child, "-") for child in children)])


def write_pages(app: Sphinx) -> None:
    """Writes the pages; unchanged files keep their time of modification."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    contents = {folder / f"{page}.rst": text(page) for page in pages()}
    for old in set(folder.glob("*.rst")) - set(contents):
        old.unlink()
    for path, content in contents.items():
        if not path.exists() or path.read_text() != content:
            path.write_text(content)


def repeated(cls: type) -> list[str]:
    """Returns the members that a base class, or another library, describes."""

    def described_by_base(name: str, value: Any) -> bool:
        own = parameter_names(value)
        for base in cls.__mro__[1:-1]:
            declared = {**inspect.get_annotations(base), **vars(base)}
            if name in declared and parameter_names(declared[name]) == own:
                return True
        return False

    members = vars(cls).items()
    own = [n for n, value in members if n[0] != "_" and described_by_base(n, value)]
    return own + [n for n in dir(cls) if n[0] != "_" and foreign(cls, n)]


def foreign(cls: type, name: str) -> bool:
    """True if another library defines a method of a class."""
    member = inspect.getattr_static(cls, name)
    places = (getattr(member, "__module__", None), type(member).__module__)
    return callable(getattr(cls, name)) and any(
        str(place).split(".")[0] not in {*PACKAGES, "builtins", "None"}
        for place in places
        if place
    )


def split(cls: type) -> bool:
    """True if base classes without a description define a part of a class."""
    bases = [b for b in cls.__mro__[1:] if b.__module__.startswith(PACKAGES)]
    described = described_classes()
    return bool(bases) and not any(
        (b.__module__, b.__name__) in described for b in bases
    )


@cache
def described_classes() -> frozenset[tuple[str, str]]:
    """Returns the defining module and the name of every class with a description."""
    values = [getattr(import_module(module), name) for module, name in names()]
    return frozenset((v.__module__, v.__name__) for v in values if inspect.isclass(v))


def parameter_names(member: Any) -> list[str] | None:
    """Returns the names of a method's parameters; None for other members."""
    is_method = inspect.isfunction(member)
    return list(inspect.signature(member).parameters) if is_method else None


def names() -> Iterator[tuple[str, str]]:
    """Yields every public name with its module."""
    for page in pages():
        for module in sections(page):
            yield from ((module, name) for name in public(module))


def report_missing(app: Sphinx, env: Any) -> None:
    """Warns of public names that no page describes."""
    from sphinx.util import logging

    described = env.get_domain("py").objects
    for module, name in names():
        if f"{module}.{name}" not in described:
            logging.getLogger(__name__).warning(
                "the reference lacks %s.%s", module, name
            )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connects the functions to Sphinx's events."""
    app.connect("builder-inited", write_pages)
    app.connect("env-check-consistency", report_missing)
    return {"parallel_read_safe": True}
