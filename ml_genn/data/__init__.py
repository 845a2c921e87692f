"""Preparation of data: spikes, latency encoding, Tonic events and data sets."""

from __future__ import annotations

from ml_genn.data.datasets import (
    batch_dataset,
    get_dataset_size,
    permute_dataset,
    split_dataset,
)
from ml_genn.data.events import (
    check_spikes,
    encode_dense,
    encode_events,
)
from ml_genn.data.latency import (
    linear_latency_encode_data,
    log_latency_encode_data,
)
from ml_genn.data.spikes import (
    PreprocessedSpikes,
    batch_spikes,
    calc_latest_spike_time,
    calc_max_spikes,
    calc_start_spikes,
    preprocess_spikes,
)
from ml_genn.data.tonic import (
    preprocess_tonic_spikes,
    preprocess_tonic_spikes_separate,
)
from ml_genn.data.yin_yang import generate_yin_yang_dataset
from ml_genn.model.batch import EventStream

__all__ = [
    "EventStream",
    "PreprocessedSpikes",
    "batch_dataset",
    "batch_spikes",
    "calc_latest_spike_time",
    "calc_max_spikes",
    "calc_start_spikes",
    "check_spikes",
    "encode_dense",
    "encode_events",
    "generate_yin_yang_dataset",
    "get_dataset_size",
    "linear_latency_encode_data",
    "log_latency_encode_data",
    "permute_dataset",
    "preprocess_spikes",
    "preprocess_tonic_spikes",
    "preprocess_tonic_spikes_separate",
    "split_dataset",
]
