"""Synapses of GeNN's ``Conv2D``, as loops over pixels and channels."""

from __future__ import annotations

import numpy as np


def toeplitz_synapses(p: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (source, target, element of the kernel) of each synapse."""
    kh, kw, ih, iw, ic, oh, ow, oc = (
        p[f"conv_{n}"] for n in ["kh", "kw", "ih", "iw", "ic", "oh", "ow", "oc"]
    )
    border_h, border_w = (ih + kh - 1 - oh) // 2, (iw + kw - 1 - ow) // 2
    synapses = []
    for row, column, channel, k_row, k_column in np.ndindex(ih, iw, ic, kh, kw):
        out_row, out_column = row + k_row - border_h, column + k_column - border_w
        if 0 <= out_row < oh and 0 <= out_column < ow:
            pre = (row * iw + column) * ic + channel
            post = (out_row * ow + out_column) * oc
            flipped = (kh - 1 - k_row) * kw + kw - 1 - k_column
            element = (flipped * ic + channel) * oc
            synapses += [(pre, post + o, element + o) for o in range(oc)]
    pre, post, element = np.array(synapses).T
    return pre, post, element
