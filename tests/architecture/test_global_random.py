"""No package reads or writes a global random generator, NumPy's or Python's."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architecture.modules import MODULES, ROOT, tree_of

#: names of `numpy.random` that have no global state
WITHOUT_STATE = {"Generator", "Philox", "SeedSequence", "default_rng"}


def global_random(tree: ast.AST) -> Iterator[int]:
    """Lines that use a global generator, or an import that could hide that."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            hidden = {"random", "numpy.random"}
            if any(alias.name in hidden for alias in node.names):
                yield node.lineno
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            hidden = node.module in ("random", "numpy.random")
            if hidden or (node.module == "numpy" and "random" in names):
                yield node.lineno
        elif isinstance(node, ast.Attribute) and node.attr not in WITHOUT_STATE:
            owner = node.value
            if (
                isinstance(owner, ast.Attribute)
                and owner.attr == "random"
                and isinstance(owner.value, ast.Name)
                and owner.value.id in ("np", "numpy")
            ):
                yield node.lineno


def test_packages_use_no_global_generator() -> None:
    used = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        for line in global_random(tree_of(path))
    ]
    assert not used


def test_global_generators_are_noticed() -> None:
    """The check itself finds each way to use one."""
    code = [
        "np.random.permutation(3)",
        "numpy.random.set_state(s)",
        "import random",
        "from random import shuffle",
        "from numpy import random",
        "from numpy.random import shuffle",
        "import numpy.random as r",
    ]
    assert all(list(global_random(ast.parse(line))) == [1] for line in code)
    assert not list(global_random(ast.parse("np.random.default_rng(3).random()")))
