"""Which hooks of callbacks are called, in which order, with what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import STEPS, Spy, double, labels, small, spikes

from ml_genn.callbacks import BatchProgressBar, Callback, SpikeRecorder, VarRecorder
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.compiled.running.evaluation import callbacks_for
from ml_genn.errors import UnknownNameError, ValidationError

BEGIN = [("set_params",), ("set_first",)]
END = [("get_data",)]


def _batches(*numbers: int) -> list[tuple[str, int]]:
    return [(h, n) for n in numbers for h in ("on_batch_begin", "on_batch_end")]


# ---------------------------------------------------------------- order
def test_hooks_of_training_with_validation() -> None:
    compiled = small().train_compiler()
    log: list[Any] = []
    train, validate = Spy("train", log), Spy("validate", log)
    compiled.train(
        spikes(10),
        labels(10),
        num_epochs=2,
        start_epoch=3,
        validation_split=0.2,
        callbacks=[train],
        validation_callbacks=[validate],
    )
    calls = [
        (name, hook, *(a for a in args if isinstance(a, int)))
        for name, hook, args in log
        if hook not in ("set_params", "set_first", "get_data")
    ]
    expected: list[Any] = [("train", "on_train_begin"), ("validate", "on_test_begin")]
    for epoch in (3, 4):
        for name, batches in (("train", 2), ("validate", 1)):
            expected += [
                (name, "on_epoch_begin", epoch),
                *((name, *call) for call in _batches(*range(batches))),
                (name, "on_epoch_end", epoch),
            ]
    expected += [("train", "on_train_end"), ("validate", "on_test_end")]
    assert calls == expected
    assert all(spy.calls[:2] == BEGIN for spy in (train, validate))
    assert all(spy.calls[-1:] == END for spy in (train, validate))


def test_hooks_of_evaluation() -> None:
    compiled, spy = small().inference(), Spy()
    compiled.evaluate(spikes(10), labels(10), callbacks=[spy])
    assert spy.calls == [
        *BEGIN,
        ("on_test_begin",),
        *_batches(0, 1, 2),
        ("on_test_end",),
        *END,
    ]


def test_hooks_of_prediction() -> None:
    compiled, spy = small().inference(), Spy()
    compiled.predict(spikes(5), callbacks=[spy])
    assert spy.calls == [
        *BEGIN,
        ("on_test_begin",),
        *_batches(0, 1),
        ("on_test_end",),
        *END,
    ]
    told = [args[-1] for _, hook, args in spy.log if hook == "on_batch_end"]
    assert told == [{}, {}]


class Steps(Spy):
    """Notes time steps too."""

    HOOKS = ("on_batch_begin", "on_timestep_begin", "on_timestep_end", "on_batch_end")


def test_hooks_of_time_steps_are_called_inside_a_batch() -> None:
    compiled, spy = small().inference(), Steps()
    compiled.predict(spikes(5), callbacks=[spy])
    steps = [
        (hook, n)
        for n in range(STEPS)
        for hook in ("on_timestep_begin", "on_timestep_end")
    ]
    assert spy.calls == [
        call
        for batch in (0, 1)
        for call in [("on_batch_begin", batch), *steps, ("on_batch_end", batch)]
    ]


def test_stepping_changes_nothing() -> None:
    net = small()
    compiled = net.train_compiler()
    stepped = net.train_compiler()
    x, y = spikes(10), labels(10)
    for one, callbacks in ((compiled, []), (stepped, [Steps()])):
        one.train(x, y, num_epochs=2, shuffle=False, callbacks=callbacks)
    for layer in (net.hidden, net.output):
        np.testing.assert_allclose(
            compiled.weights(layer), stepped.weights(layer), rtol=1e-6
        )


# ---------------------------------------------------------------- arguments
def _params(spy: Spy) -> dict[str, Any]:
    (params,) = [args for _, hook, args in spy.log if hook == "set_params"]
    return dict(params)


def test_callbacks_are_told_what_is_about_to_happen() -> None:
    compiled = small().train_compiler()
    train, validate = Spy(), Spy()
    compiled.train(
        spikes(10),
        labels(10),
        num_epochs=2,
        validation_split=0.2,
        callbacks=[train],
        validation_callbacks=[validate],
    )
    told = _params(train)
    assert told["compiled_network"] is compiled
    assert (told["num_batches"], told["num_epochs"]) == (2, 2)
    assert _params(validate)["num_batches"] == 1
    evaluated = Spy()
    compiled.evaluate(spikes(10), labels(10), callbacks=[evaluated])
    assert _params(evaluated)["num_batches"] == 3
    assert "num_epochs" not in _params(evaluated)
    streamed = Spy()
    compiled.evaluate(iter([(spikes(3), labels(3))]), callbacks=[streamed])
    assert _params(streamed)["num_batches"] is None


def test_callbacks_of_a_list_share_their_data() -> None:
    spies = [Spy(), Spy()]
    CallbackList(spies, compiled_network=None)
    first, second = (_params(spy)["data"] for spy in spies)
    assert first is second


def test_metrics_of_hooks_hold_what_is_known_so_far() -> None:
    net = small()
    compiled, spy = net.train_compiler(), Spy()
    seen: list[tuple[int, float]] = []

    class Counts(Callback):
        def on_batch_end(self, batch: int, metrics: Any) -> None:
            metric = metrics[net.output]
            assert metric is metrics[net.output.population()]
            seen.append((metric.total, metrics.loss))

    metrics, _ = compiled.train(spikes(10), labels(10), callbacks=[spy, Counts()])
    assert [total for total, _ in seen] == [4, 8, 10]
    assert seen[-1][1] == metrics.loss
    ended = [args[-1] for _, hook, args in spy.log if hook == "on_train_end"]
    assert ended == [metrics]


# ---------------------------------------------------------------- lists
class Quiet(Callback):
    """Overrides nothing."""


def test_only_the_first_of_each_type_is_told_so() -> None:
    class Other(Spy):
        pass

    spies = [Spy(), Other(), Spy(), Other()]
    found = CallbackList([Quiet(), *spies])
    assert [s.hooks.count("set_first") for s in spies] == [1, 1, 0, 0]
    assert len(found) == 5
    assert found[1] is spies[0]
    assert list(found)[1:] == spies


def test_every_callback_is_told_before_the_first_ones() -> None:
    log: list[Any] = []
    CallbackList([Spy("a", log), Spy("b", log)])
    assert [(n, h) for n, h, _ in log] == [
        ("a", "set_params"),
        ("b", "set_params"),
        ("a", "set_first"),
    ]


def test_hooks_are_called_in_the_order_of_the_list() -> None:
    log: list[Any] = []
    found = CallbackList([Spy("a", log), Quiet(), Spy("b", log)])
    log.clear()
    found.call("on_batch_begin", 4)
    assert log == [("a", "on_batch_begin", (4,)), ("b", "on_batch_begin", (4,))]


def test_only_hooks_of_time_steps_make_a_network_step() -> None:
    assert CallbackList([Steps()]).steps
    assert not CallbackList([Spy(), Quiet()]).steps


def test_the_base_does_nothing() -> None:
    callback = Callback()
    for hook in (*Spy.HOOKS, "on_timestep_begin", "on_timestep_end", "on_recorded"):
        arguments = {
            "on_test_end": 1,
            "on_train_end": 1,
            "on_epoch_begin": 1,
            "on_epoch_end": 2,
            "on_batch_begin": 1,
            "on_batch_end": 2,
            "on_exception": 1,
            "on_timestep_begin": 1,
            "on_timestep_end": 1,
            "on_recorded": 2,
        }
        assert getattr(callback, hook)(*[0] * arguments.get(hook, 0)) is None
    assert callback.spikes() == callback.records() == ()


@pytest.mark.parametrize(
    "wrong", ["batch_progress_bar", BatchProgressBar(), BatchProgressBar, 3]
)
def test_callbacks_come_in_a_list(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="Callbacks: give a list"):
        small().inference().predict(spikes(1), callbacks=wrong)


def test_members_of_the_list_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'batch_progress_bar'"):
        CallbackList(["batch_progress_ba"])
    with pytest.raises(ValidationError, match=r"Did you mean BatchProgressBar\(\)"):
        CallbackList([BatchProgressBar])  # type: ignore[list-item]
    spy = Spy()
    with pytest.raises(ValidationError, match="is in the list twice"):
        CallbackList([spy, spy])
    assert not spy.log


def test_default_callbacks_are_not_shared(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = small().inference()
    seen = []
    for _ in range(2):
        hooks = callbacks_for(compiled, None, num_batches=1)
        seen.append(hooks[0])
    assert all(isinstance(one, BatchProgressBar) for one in seen)
    assert seen[0] is not seen[1]
    compiled.predict(spikes(1))
    assert "1/1" in capsys.readouterr().err


# ---------------------------------------------------------------- data
class Keeps(Callback):
    """Collects something under a key."""

    def __init__(self, name: Any, value: Any) -> None:
        self.name, self.value = name, value

    def get_data(self) -> tuple[Any, Any]:
        """The value."""
        return self.name, self.value


def test_data_are_found_by_key_or_by_place() -> None:
    found = CallbackList([Quiet(), Keeps("a", 1), Keeps(None, 2), Keeps(None, 3)])
    assert found.get_data() == {"a": 1, 2: 2, 3: 3}


def test_the_same_key_twice_is_refused() -> None:
    found = CallbackList([Keeps("a", 1), Keeps("a", 2)])
    with pytest.raises(ValidationError, match="key 'a' is used twice"):
        found.get_data()


def test_the_same_key_of_two_recorders_is_refused_before_anything_runs() -> None:
    net = small()
    compiled, spy = net.train_compiler(), Spy()
    before = compiled.weights(net.output)
    recorders = [SpikeRecorder(net.inputs, "a"), VarRecorder(net.output, "v", "a")]
    with pytest.raises(ValidationError, match="key 'a' is used twice"):
        compiled.train(spikes(4), labels(4), callbacks=[spy, *recorders])
    assert "on_train_begin" not in spy.hooks
    assert np.array_equal(compiled.weights(net.output), before)


def test_what_is_no_key_is_refused_before_anything_runs() -> None:
    net = small()
    with pytest.raises(
        ValidationError, match=r"SpikeRecorder: key .* Received \['a'\]"
    ):
        net.train_compiler().train(
            spikes(4), labels(4), callbacks=[SpikeRecorder(net.inputs, ["a"])]
        )


def test_recorders_count_examples_from_the_start_of_each_epoch() -> None:
    net = small()
    compiled = net.train_compiler()
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
    compiled = net.inference()
    for recorder in (SpikeRecorder(other.inputs), VarRecorder(other.output, "v")):
        with pytest.raises(ValidationError, match="not part of the network that runs"):
            compiled.predict(spikes(1), callbacks=[recorder])


def test_recorders_of_unknown_variables_are_refused() -> None:
    net = small()
    with pytest.raises(UnknownNameError, match="'Pop2': unknown variable 'w'"):
        net.inference().predict(spikes(1), callbacks=[VarRecorder(net.output, "w")])


def test_recorders_of_populations_of_several_dimensions() -> None:
    net = small("var", (2, 2))
    compiled = net.inference()
    found = []
    for chosen in (None, (1, 0), (slice(None), 1), np.eye(2, dtype=bool)):
        recorder = VarRecorder(net.output, "v", neuron_filter=chosen)
        _, data = compiled.predict(spikes(3), callbacks=[recorder])
        found.append(np.stack(data[0]))
    everything, one, column, diagonal = found
    assert everything.shape == (3, STEPS, 4)
    assert np.array_equal(one, everything[:, :, [2]])
    assert np.array_equal(column, everything[:, :, [1, 3]])
    assert np.array_equal(diagonal, everything[:, :, [0, 3]])
    with pytest.raises(ValidationError, match="neuron_filter does not fit"):
        bad = VarRecorder(net.output, "v", neuron_filter=3)
        compiled.predict(spikes(3), callbacks=[bad])


def test_recorders_may_be_used_again() -> None:
    net = small()
    compiled = net.inference()
    recorder = SpikeRecorder(net.inputs, record_counts=True, neuron_filter=1)
    first = compiled.predict(spikes(3), callbacks=[recorder])[1][0]
    second = compiled.predict(spikes(3), callbacks=[recorder])[1][0]
    assert len(first) == len(second) == 3
    assert [c.tolist() for c in first] == [c.tolist() for c in second]


# ---------------------------------------------------------------- exceptions
class Stops(Callback):
    """Raises in the second batch."""

    def on_batch_begin(self, batch: int) -> None:
        """Stops."""
        if batch == 1:
            raise KeyboardInterrupt


def test_callbacks_are_told_of_exceptions() -> None:
    compiled = double().compile()
    spy = Spy()
    x = {p: spikes(8) for p in compiled.inputs}
    y = {p: labels(8, 2) for p in compiled.outputs}
    with pytest.raises(KeyboardInterrupt):
        compiled.train(x, y, callbacks=[spy, Stops()])
    assert spy.calls[-2:] == [("on_batch_begin", 1), ("on_exception",)]
    (told,) = [args for _, hook, args in spy.log if hook == "on_exception"]
    assert isinstance(told[0], KeyboardInterrupt)
    metrics, _ = compiled.train(x, y, callbacks=[])
    assert len(metrics) == 2
