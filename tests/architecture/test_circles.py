"""No two files import each other, directly or through others."""

from __future__ import annotations

from architecture.modules import MODULES, circles, dotted, import_graph


def test_no_file_imports_in_a_circle() -> None:
    """Imports for type annotations count: to read one file, others suffice below it."""
    graph = import_graph({dotted(path): path for path in MODULES})
    assert sum(map(len, graph.values())) > 500
    assert circles(graph) == []


def test_circles_are_strongly_connected_components() -> None:
    graph = {
        "a": {"b"},
        "b": {"c", "e"},
        "c": {"a"},
        "d": {"a", "d2"},
        "d2": {"d"},
        "e": set(),
        "f": {"f"},
    }
    assert circles(graph) == [["a", "b", "c"], ["d", "d2"]]
    assert circles({"a": {"b"}, "b": set()}) == []
