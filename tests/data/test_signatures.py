"""Names and argument orders that existing scripts rely on."""

from __future__ import annotations

import inspect

import pytest

from ml_genn import data

SIGNATURES = {
    "preprocess_spikes": "times ids num_neurons",
    "preprocess_tonic_spikes": (
        "events ordering shape time_scale=0.001 dt=None histogram_thresh=None"
    ),
    "preprocess_tonic_spikes_separate": (
        "events ordering shape time_scale=0.001 dt=None histogram_thresh=None"
    ),
    "linear_latency_encode_data": "data max_time min_time=0.0 thresh=1 *max_value=255",
    "log_latency_encode_data": "data tau_eff thresh *max_value=255",
    "generate_yin_yang_dataset": (
        "size scale offset=0.0 bias=True r_small=0.1 r_big=0.5 *seed=None"
    ),
    "calc_max_spikes": "spikes",
    "calc_latest_spike_time": "spikes",
    "batch_spikes": "spikes batch_size",
    "calc_start_spikes": "end_spikes",
    "split_dataset": "data split",
    "get_dataset_size": "data",
    "batch_dataset": "data batch_size size",
    "permute_dataset": "data indices",
    "check_spikes": "spikes num_neurons duration where",
    "encode_events": "spikes num_steps dt",
    "encode_dense": "array",
}


def describe(parameter: inspect.Parameter) -> str:
    star = "*" if parameter.kind is parameter.KEYWORD_ONLY else ""
    has_default = parameter.default is not parameter.empty
    return star + parameter.name + (f"={parameter.default}" if has_default else "")


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name: str) -> None:
    parameters = inspect.signature(getattr(data, name)).parameters.values()
    assert " ".join(describe(parameter) for parameter in parameters) == SIGNATURES[name]


def test_public_names() -> None:
    assert set(data.__all__) == {*SIGNATURES, "EventStream", "PreprocessedSpikes"}
    assert data.__all__ == sorted(data.__all__)
    assert all(getattr(data, name).__doc__ for name in data.__all__)
