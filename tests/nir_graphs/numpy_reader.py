"""Simulation of NIR graphs in NumPy: exact integration, constant input in a step.

``i = b i + (1 - b) w_in x``, ``v = a v + (1 - a) (v_leak + r i)``, each with
``exp(-step / tau)``; ``z = v > v_threshold``; recurrent input is that of the last step.
With ``delayed``, all spikes arrive a step after they were sent, as in ml_genn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def run(
    graph: Any, spikes: np.ndarray, step: float, delayed: bool = False
) -> np.ndarray:
    """Returns the values of the only output: (examples, steps) + shape.

    Args:
        graph: a ``nir.NIRGraph`` with one output.
        spikes: input (examples, steps) + shape of the input.
        step: time step [s].
        delayed: True if spikes arrive in the next step.
    """
    state: dict[Any, Any] = {"delayed": False}
    if delayed:  # a step of zeros gives the shapes of what is sent before the first
        _graph(graph, np.zeros_like(spikes[:, 0], float), step, state)
        sent = {key: _zeros(values) for key, values in state["graphs"].items()}
        state = {"delayed": True, "graphs": sent}
    return np.stack(
        [
            _graph(graph, spikes[:, t].astype(float), step, state)
            for t in range(spikes.shape[1])
        ],
        axis=1,
    )


def _graph(
    graph: Any, x: np.ndarray, step: float, state: dict[Any, Any], outer: bool = True
) -> np.ndarray:
    sources = {
        target: [a for a, b in graph.edges if b == target] for target in graph.nodes
    }
    last = state.setdefault("graphs", {}).setdefault(id(graph), {})
    done: dict[str, np.ndarray] = {}

    def is_late(source: str, target: str) -> bool:
        kind = _kind(graph.nodes[source])
        sends = kind not in STATELESS or (kind == "Input" and outer)
        return state["delayed"] and sends and _kind(graph.nodes[target]) != "Output"

    def value(name: str, path: tuple[str, ...] = ()) -> np.ndarray:
        if name in path:  # in a loop: the value of the last step
            return last.get(name, np.zeros(()))
        if name not in done:
            node = graph.nodes[name]
            total = sum(
                (
                    last.get(source, np.zeros(()))
                    if is_late(source, name)
                    else value(source, (*path, name))
                    for source in sources[name]
                ),
                np.zeros(()),
            )
            if name in done:
                return done[name]
            done[name] = _node(
                node, x if _kind(node) == "Input" else total, step, state
            )
        return done[name]

    for name in graph.nodes:
        value(name)
    last |= done
    (output,) = (k for k, node in graph.nodes.items() if _kind(node) == "Output")
    return done[output]


def _zeros(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.zeros_like(value) for name, value in values.items()}


def _node(node: Any, x: np.ndarray, step: float, state: dict[Any, Any]) -> np.ndarray:
    kind = _kind(node)
    if kind == "NIRGraph":
        return _graph(node, x, step, state, outer=False)
    if kind in STATELESS:
        if x.ndim:
            return STATELESS[kind](x, node)
        bias = np.asarray(getattr(node, "bias", 0.0), float)
        return x if not np.any(bias) else x + _column(node, bias)[None]
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


def _column(node: Any, bias: np.ndarray) -> np.ndarray:
    return bias[:, None, None] if _kind(node) == "Conv2d" else bias


def _windows(x: np.ndarray, size: Any, stride: Any) -> np.ndarray:
    windows = sliding_window_view(x, tuple(map(int, size)), axis=(2, 3))
    return windows[:, :, :: int(stride[0]), :: int(stride[1])]


def _convolved(x: np.ndarray, node: Any) -> np.ndarray:
    dilation = np.broadcast_to(node.dilation, 2)
    size = (np.array(node.weight.shape[2:]) - 1) * dilation + 1
    padding = [(int(n - 1) // 2, int(n) // 2) for n in size]
    if not isinstance(node.padding, str):
        padding = [(int(p), int(p)) for p in np.broadcast_to(node.padding, 2)]
    stride = np.broadcast_to(node.stride, 2)
    windows = _windows(np.pad(x, [(0, 0), (0, 0), *padding]), size, stride)
    windows = windows[..., :: dilation[0], :: dilation[1]]
    groups = zip(
        np.split(windows, node.groups, axis=1),
        np.split(node.weight, node.groups),
        strict=True,
    )
    parts = [np.einsum("bcrskl,fckl->bfrs", part, w) for part, w in groups]
    return np.concatenate(parts, axis=1) + _column(node, np.asarray(node.bias))


def _flattened(x: np.ndarray, node: Any) -> np.ndarray:
    declared = node.input_type["input"]
    axes = x.ndim - 1 if declared is None else len(declared)
    first = node.start_dim % axes + x.ndim - axes
    last = node.end_dim % axes + x.ndim - axes
    return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])


#: {kind of node without a state: its function}
STATELESS = {
    "Affine": lambda x, node: x @ node.weight.T + node.bias,
    "AvgPool2d": lambda x, n: _windows(x, n.kernel_size, n.stride).mean((-2, -1)),
    "Conv2d": _convolved,
    "Flatten": _flattened,
    "Input": lambda x, node: x,
    "Linear": lambda x, node: x @ node.weight.T,
    "Output": lambda x, node: x,
    "SumPool2d": lambda x, n: _windows(x, n.kernel_size, n.stride).sum((-2, -1)),
}


def _kind(node: Any) -> str:
    return type(node).__name__
