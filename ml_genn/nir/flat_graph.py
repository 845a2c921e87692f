"""Flat NIR graphs: nested graphs are resolved, nodes and edges are checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.nir.schema import NEURONS, GraphNode, checked_node
from ml_genn.utils.checks import shown

#: Key of metadata: position of a node in the network that was exported.
ORDER = "order"
MAX_DEPTH = 32  #: of graphs in graphs; more are taken for a graph that contains itself
#: Nodes in a row without neurons; real graphs have few, and paths multiply.
MAX_CHAIN = 64
#: Paths between neurons; a graph of branches that meet has 2 to the power of branches.
MAX_PATHS = 4096


@dataclass(frozen=True)
class FlatGraph:
    """NIR graph without nested graphs.

    Args:
        nodes: {name: node}.
        edges: (source, target) names of nodes.
    """

    nodes: dict[str, GraphNode]
    edges: list[tuple[str, str]]

    @cached_property
    def _targets(self) -> Mapping[str, list[str]]:
        targets: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.edges:
            targets[source].append(target)
        return targets

    def kind(self, name: str) -> str:
        """Returns the name of a node's class."""
        return self.nodes[name].kind

    def order(self, name: str) -> int:
        """Returns the position of a node in `export`; nodes of others come last."""
        position = self.nodes[name].metadata.get(ORDER)
        try:
            return int(position)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return len(self.nodes)

    def is_end(self, name: str) -> bool:
        """Returns True for an input or output of the outermost graph."""
        return self.kind(name) in ("Input", "Output") and self.nodes[name].outer

    def inputs(self) -> list[str]:
        """Returns the names of the inputs of the outermost graph."""
        return [n for n in self.nodes if self.kind(n) == "Input" and self.is_end(n)]

    def paths(
        self, name: str, path: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yields (names of the nodes in between, target) for targets of a node.

        Targets are the next neurons and outputs.

        Raises:
            UnsupportedError: if there are more than 64 nodes in between.
            ValidationError: if there is a loop without neurons.
        """
        if len(path) > MAX_CHAIN:
            raise UnsupportedError(
                f"NIR node '{path[0]}': more than {MAX_CHAIN} nodes follow without "
                "neurons. Multiply their weights."
            )
        for target in self._targets[path[-1] if path else name]:
            if self.kind(target) in NEURONS or self.is_end(target):
                yield path, target
            elif target in path:
                raise ValidationError(
                    f"NIR node '{target}': it leads to itself without any neurons on "
                    "the way. Put neurons there."
                )
            else:
                yield from self.paths(name, (*path, target))


def flatten(graph: Any) -> FlatGraph:
    """Returns the flat graph; nodes of a nested graph are named ``<graph>/<node>``.

    Raises:
        UnsupportedError: if ml_genn has no such kind of node.
        ValidationError: if a field of a node is impossible, or an end of an edge is no
            node.
    """
    return _flat(graph, ())


def _flat(graph: Any, path: Sequence[str]) -> FlatGraph:
    prefix, title = "".join(f"{name}/" for name in path), _title(path)
    if len(path) > MAX_DEPTH:
        raise UnsupportedError(
            f"{title}: graphs are in each other more than {MAX_DEPTH} times. Put their "
            "nodes into the outer graph."
        )
    nodes: dict[str, GraphNode] = {}
    edges: list[tuple[str, str]] = []
    ends: dict[tuple[str, str], str] = {}
    for name, node in _node_items(title, graph):
        full = f"{prefix}{name}"
        if type(node).__name__ == "NIRGraph":
            inner = _flat(node, (*path, name))
            for kind in ("Input", "Output"):
                ends[name, kind] = _only((*path, name), kind, inner)
            edges += inner.edges
            added = inner.nodes
        else:
            added = {full: checked_node(f"NIR node '{full}'", node, outer=not path)}
        if any(key in nodes for key in added):
            raise ValidationError(
                f"NIR node '{full}': there are two nodes of that name, one of them in "
                "a graph in the graph. Rename one."
            )
        nodes |= added
    for source, target in _edge_pairs(title, graph):
        first = ends.get((source, "Output"), f"{prefix}{source}")
        edges.append((first, ends.get((target, "Input"), f"{prefix}{target}")))
    return FlatGraph(nodes, edges)


def _title(path: Sequence[str]) -> str:
    return f"NIR graph '{'/'.join(path)}'" if path else "NIR graph"


def _node_items(title: str, graph: Any) -> list[tuple[str, Any]]:
    """Returns the names and nodes of a graph."""
    nodes = getattr(graph, "nodes", None)
    if not isinstance(nodes, Mapping) or not all(isinstance(n, str) for n in nodes):
        raise ValidationError(
            f"{title}: nodes is a dictionary of nodes by name. Received {shown(nodes)}."
        )
    return list(nodes.items())


def _edge_pairs(title: str, graph: Any) -> list[tuple[str, str]]:
    """Returns the edges of a graph.

    Raises:
        ValidationError: if they are no pairs of names of nodes, or one is there twice.
    """
    edges: list[tuple[str, str]] = []
    received = getattr(graph, "edges", None)
    for edge in received if isinstance(received, list | tuple | set) else [received]:
        if not isinstance(edge, list | tuple) or len(edge) != 2:
            raise ValidationError(
                f"{title}: edges is a list of pairs of names of nodes. Received "
                f"{shown(edge)}."
            )
        for end in edge:
            if not isinstance(end, str) or end not in graph.nodes:
                raise ValidationError(
                    f"{title}, edge ({edge[0]!r}, {edge[1]!r}): there is no node "
                    f"{end!r}. Nodes: {', '.join(graph.nodes)}."
                )
        edges.append((edge[0], edge[1]))
    doubled = [edge for edge, count in Counter(edges).items() if count > 1]
    if doubled:
        raise ValidationError(
            f"{title}: each edge is there once. Received {doubled[0]} twice."
        )
    return edges


def _only(path: Sequence[str], kind: str, graph: FlatGraph) -> str:
    """Returns the name of the only input or output of a nested graph."""
    prefix = "".join(f"{name}/" for name in path)
    names = [
        name
        for name, node in graph.nodes.items()
        if node.kind == kind and "/" not in name.removeprefix(prefix)
    ]
    if len(names) != 1:
        raise UnsupportedError(
            f"{_title(path)}: a graph in a graph has one {kind}. Received "
            f"{len(names)}. Put its nodes into the outer graph."
        )
    return names[0]
