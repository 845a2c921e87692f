"""Simulation of NIR graphs in NumPy: exact integration, constant input in a step.

``i = b i + (1 - b) w_in x``, ``v = a v + (1 - a) (v_leak + r i)``, each with
``exp(-step / tau)``; ``z = v > v_threshold``; recurrent input is that of the last step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def run(graph: Any, spikes: np.ndarray, step: float) -> np.ndarray:
    """Returns the values of the only output: (examples, steps) + shape.

    Args:
        graph: a ``nir.NIRGraph`` with one output.
        spikes: input (examples, steps) + shape of the input.
        step: time step [s].
    """
    state: dict[int, Any] = {}
    return np.stack(
        [
            _graph(graph, spikes[:, t].astype(float), step, state)
            for t in range(spikes.shape[1])
        ],
        axis=1,
    )


def _graph(graph: Any, x: np.ndarray, step: float, state: dict[int, Any]) -> np.ndarray:
    sources = {
        target: [a for a, b in graph.edges if b == target] for target in graph.nodes
    }
    last = state.setdefault(id(graph), {})
    done: dict[str, np.ndarray] = {}

    def value(name: str, path: tuple[str, ...] = ()) -> np.ndarray:
        if name in path:  # in a loop: the value of the last step
            return last.get(name, np.zeros(()))
        if name not in done:
            node = graph.nodes[name]
            total = sum(
                (value(source, (*path, name)) for source in sources[name]), np.zeros(())
            )
            if name in done:
                return done[name]
            done[name] = _node(
                node, x if _kind(node) == "Input" else total, step, state
            )
        return done[name]

    (output,) = (k for k, node in graph.nodes.items() if _kind(node) == "Output")
    result = value(output)
    last |= done
    return result


def _node(node: Any, x: np.ndarray, step: float, state: dict[int, Any]) -> np.ndarray:
    kind = _kind(node)
    if kind == "NIRGraph":
        return _graph(node, x, step, state)
    if kind in STATELESS:
        return x if x.ndim == 0 else STATELESS[kind](x, node)
    return _neurons(node, x, step, state.setdefault(id(node), {}))


def _neurons(node: Any, x: np.ndarray, step: float, state: Any) -> np.ndarray:
    if hasattr(node, "tau_syn"):
        b = np.exp(-step / node.tau_syn)
        state["i"] = b * state.get("i", 0.0) + (1 - b) * node.w_in * x
        x = state["i"]
    if hasattr(node, "v_leak"):
        a = np.exp(-step / (node.tau_mem if hasattr(node, "tau_mem") else node.tau))
        v = a * state.get("v", 0.0) + (1 - a) * (node.v_leak + node.r * x)
    else:
        v = state.get("v", 0.0) + step * node.r * x
    state["v"] = v
    if not hasattr(node, "v_threshold"):
        return v
    z = v > node.v_threshold
    state["v"] = np.where(z, node.v_reset, v)
    return z.astype(float)


def _windows(x: np.ndarray, size: Any, stride: Any) -> np.ndarray:
    windows = sliding_window_view(x, tuple(map(int, size)), axis=(2, 3))
    return windows[:, :, :: int(stride[0]), :: int(stride[1])]


def _convolved(x: np.ndarray, node: Any) -> np.ndarray:
    size = node.weight.shape[2:]
    padding = [((n - 1) // 2, n // 2) for n in size]
    if not isinstance(node.padding, str):
        padding = [(int(p), int(p)) for p in node.padding]
    windows = _windows(np.pad(x, [(0, 0), (0, 0), *padding]), size, node.stride)
    return np.einsum("bcrskl,fckl->bfrs", windows, node.weight)


#: {kind of node without a state: its function}
STATELESS = {
    "Affine": lambda x, node: x @ node.weight.T + node.bias,
    "AvgPool2d": lambda x, n: _windows(x, n.kernel_size, n.stride).mean((-2, -1)),
    "Conv2d": _convolved,
    "Flatten": lambda x, node: x.reshape(len(x), -1),
    "Input": lambda x, node: x,
    "Linear": lambda x, node: x @ node.weight.T,
    "Output": lambda x, node: x,
    "SumPool2d": lambda x, n: _windows(x, n.kernel_size, n.stride).sum((-2, -1)),
}


def _kind(node: Any) -> str:
    return type(node).__name__
