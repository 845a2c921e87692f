"""Data of callbacks, and recorders in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import STEPS, Spy, labels, small, spikes

from ml_genn.callbacks import Callback, SpikeRecorder, VarRecorder
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.errors import UnknownNameError, ValidationError


class Constant(Callback):
    """Callback whose data are a constant."""

    def __init__(self, name: Any, value: Any) -> None:
        self.name, self.value = name, value

    def get_data(self) -> tuple[Any, Any]:
        """Returns the constant."""
        return self.name, self.value


def test_data_have_the_key_of_the_callback_or_its_index() -> None:
    callbacks = CallbackList(
        [Callback(), Constant("a", 1), Constant(None, 2), Constant(None, 3)]
    )
    assert callbacks.get_data() == {"a": 1, 2: 2, 3: 3}


def test_duplicate_keys_are_refused() -> None:
    callbacks = CallbackList([Constant("a", 1), Constant("a", 2)])
    with pytest.raises(ValidationError, match="key 'a' is used twice"):
        callbacks.get_data()


def test_duplicate_keys_of_recorders_are_refused_before_training() -> None:
    net = small()
    compiled, spy = net.compile_training(), Spy()
    before = compiled.weights(net.output)
    recorders = [SpikeRecorder(net.inputs, "a"), VarRecorder(net.output, "v", "a")]
    with pytest.raises(ValidationError, match="key 'a' is used twice"):
        compiled.train(spikes(4), labels(4), callbacks=[spy, *recorders])
    assert "on_train_begin" not in spy.hooks
    assert np.array_equal(compiled.weights(net.output), before)


def test_unhashable_keys_are_refused_before_training() -> None:
    net = small()
    with pytest.raises(
        ValidationError, match=r"SpikeRecorder: key .* Received \['a'\]"
    ):
        net.compile_training().train(
            spikes(4), labels(4), callbacks=[SpikeRecorder(net.inputs, ["a"])]
        )


def test_recorders_count_examples_from_the_start_of_each_epoch() -> None:
    net = small()
    compiled = net.compile_training()
    recorder = SpikeRecorder(net.inputs, "spikes", example_filter=[0, 9])
    validation = SpikeRecorder(net.inputs, "spikes", example_filter=1)
    x, y = spikes(12), labels(12)
    _, _, train_data, validation_data = compiled.train(
        x,
        y,
        num_epochs=2,
        shuffle=False,
        callbacks=[recorder],
        validation_callbacks=[validation],
        validation_split=1 / 6,
    )
    times, ids = train_data["spikes"]
    assert len(times) == len(ids) == 4
    for k, example in enumerate((0, 9, 0, 9)):
        assert len(ids[k]) == len(x[example].spike_times)
    assert len(validation_data["spikes"][0]) == 2
    assert len(validation_data["spikes"][1][0]) == len(x[11].spike_times)


def test_recorders_of_another_network_are_refused() -> None:
    net, other = small(), small()
    compiled = net.compile_inference()
    for recorder in (SpikeRecorder(other.inputs), VarRecorder(other.output, "v")):
        with pytest.raises(ValidationError, match="not part of the network that runs"):
            compiled.predict(spikes(1), callbacks=[recorder])


def test_recorders_of_unknown_variables_are_refused() -> None:
    net = small()
    with pytest.raises(UnknownNameError, match="'Pop2': unknown variable 'w'"):
        net.compile_inference().predict(
            spikes(1), callbacks=[VarRecorder(net.output, "w")]
        )


def test_recorders_of_populations_of_several_dimensions() -> None:
    net = small("var", (2, 2))
    compiled = net.compile_inference()
    recorded = []
    for neuron_filter in (None, (1, 0), (slice(None), 1), np.eye(2, dtype=bool)):
        recorder = VarRecorder(net.output, "v", neuron_filter=neuron_filter)
        _, data = compiled.predict(spikes(3), callbacks=[recorder])
        recorded.append(np.stack(data[0]))
    all_neurons, single, column, diagonal = recorded
    assert all_neurons.shape == (3, STEPS, 4)
    assert np.array_equal(single, all_neurons[:, :, [2]])
    assert np.array_equal(column, all_neurons[:, :, [1, 3]])
    assert np.array_equal(diagonal, all_neurons[:, :, [0, 3]])
    with pytest.raises(ValidationError, match="neuron_filter does not fit"):
        bad = VarRecorder(net.output, "v", neuron_filter=3)
        compiled.predict(spikes(3), callbacks=[bad])


def test_recorders_can_be_reused() -> None:
    net = small()
    compiled = net.compile_inference()
    recorder = SpikeRecorder(net.inputs, record_counts=True, neuron_filter=1)
    first = compiled.predict(spikes(3), callbacks=[recorder])[1][0]
    second = compiled.predict(spikes(3), callbacks=[recorder])[1][0]
    assert len(first) == len(second) == 3
    assert [c.tolist() for c in first] == [c.tolist() for c in second]
