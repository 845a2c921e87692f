"""Flat NIR graphs: nested graphs are resolved, and kinds of nodes are checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.nir.exporter import ORDER

NEURONS = ("CubaLI", "CubaLIF", "IF", "LI", "LIF")
POOLS, WEIGHTS = ("AvgPool2d", "SumPool2d"), ("Affine", "Conv2d", "Linear")
#: Nodes that do not change values, at most their order.
PASS_THROUGH = ("Flatten", "Input", "Output")
KNOWN = (*NEURONS, *POOLS, *WEIGHTS, *PASS_THROUGH)
#: {kind of node that cannot be imported: remedy}
REMEDIES = {
    "Conv1d": "Write it as a Conv2d whose images have one row.",
    "Delay": "Leave it out, or pass the delay to Connection afterwards.",
    "I": "Use a LI with a long tau.",
    "Scale": "Multiply the weights before or after it.",
    "Threshold": "Use an IF, LIF or CubaLIF, which have a threshold.",
}


@dataclass(frozen=True)
class FlatGraph:
    """NIR graph without nested graphs.

    Args:
        nodes: {name: node}.
        edges: (source, target) names of nodes.
    """

    nodes: dict[str, Any]
    edges: list[tuple[str, str]]

    def kind(self, name: str) -> str:
        """Returns the name of a node's class."""
        return type(self.nodes[name]).__name__

    def targets(self, name: str) -> list[str]:
        """Returns the targets of a node's edges."""
        return [target for source, target in self.edges if source == name]

    def order(self, name: str) -> int:
        """Returns the position of a node in `export`; nodes of others come last."""
        return int(self.nodes[name].metadata.get(ORDER, len(self.nodes)))

    def is_end(self, name: str) -> bool:
        """Returns True for an input or output of the outermost graph."""
        return self.kind(name) in ("Input", "Output") and "/" not in name

    def chains(
        self, name: str, chain: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yields (names of the nodes in between, target) for targets of a node.

        Targets are the next neurons and outputs.

        Raises:
            ValidationError: if there is a loop without neurons.
        """
        for target in self.targets(name):
            if self.kind(target) in NEURONS or self.is_end(target):
                yield chain, target
            elif target in chain:
                raise ValidationError(
                    f"NIR node '{target}': it leads to itself without any neurons on "
                    "the way. Put neurons there."
                )
            else:
                yield from self.chains(target, (*chain, target))


def flatten(graph: Any, prefix: str = "") -> FlatGraph:
    """Returns the flat graph; nodes of a nested graph are named ``<graph>/<node>``.

    Raises:
        UnsupportedError: if ml_genn has no such kind of node.
        ValidationError: if an edge has an end that is no node.
    """
    nodes: dict[str, Any] = {}
    starts: dict[str, str] = {}
    ends: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for name, node in graph.nodes.items():
        kind, full = type(node).__name__, f"{prefix}{name}"
        if kind == "NIRGraph":
            inner = flatten(node, f"{full}/")
            nodes |= inner.nodes
            edges += inner.edges
            starts[name] = _only(full, "Input", node)
            ends[name] = _only(full, "Output", node)
            continue
        if kind not in KNOWN:
            raise UnsupportedError(
                f"NIR node '{full}': there is no {kind} here. "
                f"{REMEDIES.get(kind, '')} Known: {', '.join(KNOWN)}.".replace(
                    "  ", " "
                )
            )
        nodes[full] = node
    for source, target in graph.edges:
        for end in (source, target):
            if end not in graph.nodes:
                raise ValidationError(
                    f"NIR edge ({source!r}, {target!r}): there is no node '{end}'. "
                    f"Nodes: {', '.join(graph.nodes)}."
                )
        first = ends.get(source, f"{prefix}{source}")
        edges.append((first, starts.get(target, f"{prefix}{target}")))
    return FlatGraph(nodes, edges)


def _only(name: str, kind: str, graph: Any) -> str:
    """Returns the name of the only input or output of a nested graph."""
    names = [k for k, node in graph.nodes.items() if type(node).__name__ == kind]
    if len(names) != 1:
        raise UnsupportedError(
            f"NIR graph '{name}': a graph in a graph has one {kind}. Received "
            f"{len(names)}. Put its nodes into the outer graph."
        )
    return f"{name}/{names[0]}"
