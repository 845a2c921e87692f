"""Inputs of a batch: spike rasters and frames of analog input."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.pygenn.lowering.names import FRAMES, RASTER
from ml_genn.backends.pygenn.lowering.neurons.spike_input import WORD, num_words
from ml_genn.backends.pygenn.runtime.batch import Batch
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.model.plan import NeuronGroup, Plan


def push_inputs(device: Device, plan: Plan, batch: Batch) -> None:
    """Copies spikes and analog input of a batch to the device."""
    for group in plan.neurons:
        if group.events:
            raster = _raster(device.batch_size, group, batch)
            device.push_array(group.name, RASTER, raster)
        if group.data:
            frames = batch.examples.values[group.data][batch.indices]
            padded = np.zeros((device.batch_size, *frames.shape[1:]), np.float32)
            padded[: batch.size] = frames
            device.push_array(group.name, FRAMES, padded)


def _raster(batch_size: int, group: NeuronGroup, batch: Batch) -> np.ndarray:
    """Returns input spikes as bits of words: (steps, examples, words)."""
    num_bits = num_words(group.size) * WORD
    spikes = np.zeros((batch.examples.num_steps, batch_size, num_bits), dtype=np.uint8)
    for b, index in enumerate(batch.indices):
        events = batch.examples.events[group.name][index]
        spikes[events.steps, b, events.ids] = 1
    words = np.packbits(spikes, axis=-1, bitorder="little")
    return np.asarray(words.view("<u4"))
