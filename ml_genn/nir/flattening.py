"""NIR graphs without graphs in them, and the nodes that we know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.nir.exporting import ORDER

NEURONS = ("CubaLI", "CubaLIF", "IF", "LI", "LIF")
POOLS, WEIGHTS = ("AvgPool2d", "SumPool2d"), ("Affine", "Conv2d", "Linear")
#: Nodes that leave numbers as they are, in one order or another.
PASSES = ("Flatten", "Input", "Output")
KNOWN = (*NEURONS, *POOLS, *WEIGHTS, *PASSES)
REMEDIES = {
    "Conv1d": "Write it as a Conv2d whose images have one row.",
    "Delay": "Leave it out, or pass the delay to Connection afterwards.",
    "I": "Use a LI with a long tau.",
    "Scale": "Multiply the weights before or after it.",
    "Threshold": "Use an IF, LIF or CubaLIF, which have a threshold.",
}


@dataclass(frozen=True)
class Flat:
    """A graph without graphs in it."""

    nodes: dict[str, Any]
    edges: list[tuple[str, str]]

    def kind(self, name: str) -> str:
        """The class of a node."""
        return type(self.nodes[name]).__name__

    def after(self, name: str) -> list[str]:
        """Nodes that an edge leads to."""
        return [target for source, target in self.edges if source == name]

    def order(self, name: str) -> int:
        """When `export` met it; others come after, as they are in the graph."""
        return int(self.nodes[name].metadata.get(ORDER, len(self.nodes)))

    def is_end(self, name: str) -> bool:
        """Whether it is an input or output of the whole graph."""
        return self.kind(name) in ("Input", "Output") and "/" not in name

    def chains(
        self, name: str, chain: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """What leads from a node to neurons and outputs, and which these are."""
        for after in self.after(name):
            if self.kind(after) in NEURONS or self.is_end(after):
                yield chain, after
            elif after in chain:
                raise ValidationError(
                    f"NIR node '{after}': it leads to itself without any neurons on "
                    "the way. Put neurons there."
                )
            else:
                yield from self.chains(after, (*chain, after))


def flat(graph: Any, prefix: str = "") -> Flat:
    """All nodes; those of a graph inside are named ``<graph>/<node>``."""
    nodes: dict[str, Any] = {}
    starts: dict[str, str] = {}
    ends: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for name, node in graph.nodes.items():
        kind, full = type(node).__name__, f"{prefix}{name}"
        if kind == "NIRGraph":
            inner = flat(node, f"{full}/")
            nodes |= inner.nodes
            edges += inner.edges
            starts[name] = _only(full, "Input", node, prefix)
            ends[name] = _only(full, "Output", node, prefix)
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
    return Flat(nodes, edges)


def _only(name: str, kind: str, graph: Any, prefix: str) -> str:
    found = [k for k, node in graph.nodes.items() if type(node).__name__ == kind]
    if len(found) != 1:
        raise UnsupportedError(
            f"NIR graph '{name}': a graph in a graph has one {kind}. Received "
            f"{len(found)}. Put its nodes into the outer graph."
        )
    return f"{name}/{found[0]}"
