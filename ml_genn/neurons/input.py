"""Neurons that bring data into a network."""

from __future__ import annotations


class Input:
    """Marks neurons that are given data; they have no readout."""

    readout: None = None
