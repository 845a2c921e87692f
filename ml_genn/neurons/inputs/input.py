"""Base of neurons whose spikes or input come with the data."""

from __future__ import annotations


class Input:
    """Base of neurons whose spikes or input come with the data, without a readout."""

    readout: None = None
