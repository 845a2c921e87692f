"""Random mutations of NIR graphs and of their files.

``python tests/nir_graphs/mutations.py GRAPHS FILES SEED`` (with ``tests`` in
PYTHONPATH) imports mutated graphs and damaged files, and prints what came out.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nir as library
import numpy as np

from ml_genn import nir
from ml_genn.compilers import InferenceCompiler
from ml_genn.errors import CheckpointError, UnsupportedError, ValidationError

OURS = (CheckpointError, UnsupportedError, ValidationError)


def _shaped(value: Any, rng: np.random.Generator) -> list[Any]:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # a ragged list
        return []
    if array.dtype.kind not in "biuf":
        return []
    with np.errstate(over="ignore", invalid="ignore"):
        half, unsigned = array.astype(np.float16), array.astype(np.uint64)
    broken = array.astype(float)
    if broken.size:
        broken.flat[rng.integers(broken.size)] = rng.choice(
            [np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, 1e-300]
        )
    return [
        broken,
        array.ravel(),
        array.T,
        array[..., None],
        array[None],
        array.ravel()[:0],
        np.repeat(array.ravel(), 2),
        array.astype(complex),
        array.astype(object),
        array.astype(str),
        half,
        unsigned,
        array.astype(bool),
        -array.astype(float),
        np.minimum(array.astype(float), 1e200) * 1e30,
        array.tolist(),
        np.ma.masked_array(array, np.ones(array.shape, bool)),
    ]


VALUES = (
    *(None, "same", b"valid", "", "x", {}, [], (), object(), True, 1j, 10**400),
    *(0, -1, 3, 10**9, 2**31, 2**63, -(2**63), 0.5, 1e300, float("nan"), float("inf")),
    *(np.zeros(0), np.zeros((0, 3)), np.ones((1,) * 6), np.array(None), [1, [2, 3]]),
    *((10**6, 10**6), (0, 0), (-3, 2), (1, 2, 3), np.array([2, 2]), np.array(2.5)),
)


def _graphs(graph: Any) -> list[Any]:
    """Returns a graph and all graphs in it."""
    inner = [n for n in graph.nodes.values() if isinstance(n, library.NIRGraph)]
    return [graph, *(g for node in inner for g in _graphs(node))]


def _field(graph: Any, rng: np.random.Generator) -> str:
    names = list(graph.nodes)
    node = graph.nodes[names[rng.integers(len(names))]]
    fields = list(vars(node))
    name = fields[rng.integers(len(fields))]
    if rng.random() < 0.1:
        delattr(node, name)
        return f"without {name}"
    old = vars(node)[name]
    if isinstance(old, dict) and old and rng.random() < 0.7:
        key = next(iter(old))
        options = [*_shaped(old[key], rng), *VALUES]
        old[key] = options[rng.integers(len(options))]
        return f"{name}[{key}]"
    options = [*_shaped(old, rng), *VALUES]
    setattr(node, name, options[rng.integers(len(options))])
    return f"{type(node).__name__}.{name}"


def _node(graph: Any, rng: np.random.Generator) -> str:
    names = list(graph.nodes)
    name = names[rng.integers(len(names))]
    if rng.random() < 0.3:
        del graph.nodes[name]
        return "node removed"
    if rng.random() < 0.2:
        graph.nodes["loop"] = graph
        return "graph in itself"
    ones = np.ones(3)
    options = [
        *(library.Scale(ones), library.Delay(ones), library.Threshold(ones)),
        *(library.I(ones), library.Linear(np.ones((3, 3))), library.IF(ones, ones)),
        library.Conv1d(None, np.ones((2, 2, 3)), 1, 0, 1, 1, np.ones(2)),
        library.Flatten({"input": np.array([2, 3])}, 5, 7),
        *(library.Input(np.array([4])), library.Output(np.array([4]))),
        *(object(), None, 3, "LIF", dict(graph.nodes)),
    ]
    graph.nodes[name] = options[rng.integers(len(options))]
    return "node replaced"


def _edge(graph: Any, rng: np.random.Generator) -> str:
    names = [*graph.nodes, "missing", 3, None]
    if isinstance(graph.edges, list) and graph.edges and rng.random() < 0.4:
        del graph.edges[rng.integers(len(graph.edges))]
        return "edge removed"
    if rng.random() < 0.1:
        graph.edges = VALUES[rng.integers(len(VALUES))]
        return "edges replaced"
    ends = tuple(names[rng.integers(len(names))] for _ in range(2))
    wrong = [*graph.edges, ends, ends[:1], "ab", None]
    graph.edges.append(ends if rng.random() < 0.7 else wrong[rng.integers(len(wrong))])
    return "edge added"


def _metadata(graph: Any, rng: np.random.Generator) -> str:
    owner = [graph, *graph.nodes.values()][rng.integers(len(graph.nodes) + 1)]
    keys = ("dialect", "dt", "readout", "order")
    value = VALUES[rng.integers(len(VALUES))]
    owner.metadata = {keys[rng.integers(len(keys))]: value}
    return "metadata"


KINDS: Sequence[Callable[[Any, np.random.Generator], str]] = (
    *(_field,) * 5,
    _node,
    *(_edge,) * 2,
    _metadata,
)


def mutate(graph: Any, rng: np.random.Generator) -> tuple[Any, str]:
    """Returns a copy of a graph with one to three mutations, and their names."""
    graph, names = copy.deepcopy(graph), []
    for _ in range(rng.integers(1, 4)):
        try:
            graphs = _graphs(graph)
            part = graphs[rng.integers(len(graphs))]
            names.append(KINDS[rng.integers(len(KINDS))](part, rng))
        except (AttributeError, RecursionError, TypeError):
            break  # what an earlier mutation has left is no graph
    return graph, ", ".join(names)


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the content of a file with random bytes changed, or cut off."""
    data = bytearray(content)
    if rng.random() < 0.1:
        return bytes(data[: rng.integers(len(data))])
    for _ in range(rng.integers(1, 9)):
        start = rng.integers(len(data))
        length = int(rng.choice([1, 1, 1, 8, 64]))
        noise = rng.integers(0, 256, length, np.uint8).tobytes()
        data[start : start + length] = noise
    return bytes(data[: len(content)])


def outcome(graph: Any) -> str:
    """Returns the name of our error, or "imported"; other errors propagate."""
    try:
        network = nir.import_graph(graph)
        InferenceCompiler(5, dt=1.0, backend="null").compile(network)
    except OURS as error:
        return type(error).__name__
    return "imported"


def main(num_graphs: int, num_files: int, seed: int) -> None:
    from nir_graphs.test_flatten_and_bias import GRAPHS

    graphs = [make() for make in GRAPHS.values()]
    results: Counter[str] = Counter()
    folder = Path(tempfile.mkdtemp())
    files = []
    for k, graph in enumerate(graphs):
        for node in graph.nodes.values():
            if isinstance(node, library.Conv2d):
                node.input_shape = (6, 7)  # the library writes no None
        nir.write(folder / f"{k}.nir", graph)
        files.append((folder / f"{k}.nir").read_bytes())

    def count(kind: str, k: int, graph: Any, what: str) -> None:
        try:
            result = outcome(graph)
        except Exception as error:
            print(seed, k, kind, what, type(error).__name__, str(error)[:200])
            result = f"!! {type(error).__name__}"
        results[f"{kind}: {result}"] += 1

    for k in range(num_graphs):
        rng = np.random.default_rng((seed, k))
        count("graph", k, *mutate(graphs[rng.integers(len(graphs))], rng))
    damaged = folder / "damaged.nir"
    for k in range(num_files):
        rng = np.random.default_rng((seed, k, 1))
        damaged.write_bytes(damage(files[rng.integers(len(files))], rng))
        count("file", k, damaged, "bytes")
    print(dict(results))


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
