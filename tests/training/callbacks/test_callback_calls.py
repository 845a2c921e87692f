"""Order and arguments of the calls to callbacks."""

from __future__ import annotations

from sys import stderr
from typing import Any

import numpy as np
import pytest
from training.small_nets import STEPS, Spy, double, labels, small, spikes

from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.callbacks.progress import RunProgress
from ml_genn.callbacks.progress.displays import Lines
from ml_genn.compiled.running.callback_lists import callbacks_for
from ml_genn.errors import UnknownNameError, ValidationError

BEGIN = [("set_params",), ("set_first",)]
END = [("get_data",)]


def _batches(*numbers: int) -> list[tuple[str, int]]:
    return [(h, n) for n in numbers for h in ("on_batch_begin", "on_batch_end")]


def test_hooks_in_training_with_validation() -> None:
    compiled = small().compile_training()
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


def test_callbacks_may_come_from_iterators() -> None:
    """An iterator has its items only once; both lists are called all the same."""
    compiled = small().compile_training()
    train, validate = Spy("train", []), Spy("validate", [])
    compiled.train(
        spikes(10),
        labels(10),
        validation_split=0.2,
        callbacks=iter([train]),  # type: ignore[arg-type]
        validation_callbacks=iter([validate]),  # type: ignore[arg-type]
    )
    for spy in (train, validate):
        assert spy.calls[:2] == BEGIN
        assert spy.calls[-1:] == END


def test_hooks_in_evaluation() -> None:
    compiled, spy = small().compile_inference(), Spy()
    compiled.evaluate(spikes(10), labels(10), callbacks=[spy])
    assert spy.calls == [
        *BEGIN,
        ("on_test_begin",),
        *_batches(0, 1, 2),
        ("on_test_end",),
        *END,
    ]


def test_hooks_in_prediction() -> None:
    compiled, spy = small().compile_inference(), Spy()
    compiled.predict(spikes(5), callbacks=[spy])
    assert spy.calls == [
        *BEGIN,
        ("on_test_begin",),
        *_batches(0, 1),
        ("on_test_end",),
        *END,
    ]
    metrics = [args[-1] for _, hook, args in spy.log if hook == "on_batch_end"]
    assert metrics == [{}, {}]


class StepSpy(Spy):
    """Records calls of batches and time steps."""

    HOOKS = ("on_batch_begin", "on_timestep_begin", "on_timestep_end", "on_batch_end")


def test_time_step_hooks_are_called_within_a_batch() -> None:
    compiled, spy = small().compile_inference(), StepSpy()
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


def test_stepping_does_not_change_training() -> None:
    net = small()
    compiled = net.compile_training()
    stepped = net.compile_training()
    x, y = spikes(10), labels(10)
    for one, callbacks in ((compiled, []), (stepped, [StepSpy()])):
        one.train(x, y, num_epochs=2, shuffle=False, callbacks=callbacks)
    for layer in (net.hidden, net.output):
        np.testing.assert_allclose(
            compiled.weights(layer), stepped.weights(layer), rtol=1e-6
        )


def _params(spy: Spy) -> dict[str, Any]:
    (params,) = [args for _, hook, args in spy.log if hook == "set_params"]
    return dict(params)


def test_set_params_describes_the_run() -> None:
    compiled = small().compile_training()
    train, validate = Spy(), Spy()
    compiled.train(
        spikes(10),
        labels(10),
        num_epochs=2,
        validation_split=0.2,
        callbacks=[train],
        validation_callbacks=[validate],
    )
    params = _params(train)
    assert params["compiled_network"] is compiled
    assert (params["num_batches"], params["num_epochs"]) == (2, 2)
    assert _params(validate)["num_batches"] == 1
    evaluated = Spy()
    compiled.evaluate(spikes(10), labels(10), callbacks=[evaluated])
    assert _params(evaluated)["num_batches"] == 3
    assert "num_epochs" not in _params(evaluated)
    streamed = Spy()
    compiled.evaluate(iter([(spikes(3), labels(3))]), callbacks=[streamed])
    assert _params(streamed)["num_batches"] is None


def test_callbacks_of_a_list_share_a_data_dictionary() -> None:
    spies = [Spy(), Spy()]
    CallbackList(spies, compiled_network=None)
    first, second = (_params(spy)["data"] for spy in spies)
    assert first is second


def test_hooks_receive_metrics_accumulated_so_far() -> None:
    net = small()
    compiled, spy = net.compile_training(), Spy()
    recorded: list[tuple[int, float]] = []

    class RecordMetrics(Callback):
        def on_batch_end(self, batch: int, metrics: Any) -> None:
            metric = metrics[net.output]
            assert metric is metrics[net.output.population()]
            recorded.append((metric.total, metrics.loss))

    metrics, _ = compiled.train(
        spikes(10), labels(10), callbacks=[spy, RecordMetrics()]
    )
    assert [total for total, _ in recorded] == [4, 8, 10]
    assert recorded[-1][1] == metrics.loss
    final = [args[-1] for _, hook, args in spy.log if hook == "on_train_end"]
    assert final == [metrics]


class NoHooks(Callback):
    """Callback that overrides nothing."""


def test_set_first_is_called_for_the_first_of_each_type() -> None:
    class Other(Spy):
        pass

    spies = [Spy(), Other(), Spy(), Other()]
    callbacks = CallbackList([NoHooks(), *spies])
    assert [s.hooks.count("set_first") for s in spies] == [1, 1, 0, 0]
    assert len(callbacks) == 5
    assert callbacks[1] is spies[0]
    assert list(callbacks)[1:] == spies


def test_set_params_is_called_before_set_first() -> None:
    log: list[Any] = []
    CallbackList([Spy("a", log), Spy("b", log)])
    assert [(n, h) for n, h, _ in log] == [
        ("a", "set_params"),
        ("b", "set_params"),
        ("a", "set_first"),
    ]


def test_hooks_are_called_in_the_order_of_the_list() -> None:
    log: list[Any] = []
    callbacks = CallbackList([Spy("a", log), NoHooks(), Spy("b", log)])
    log.clear()
    callbacks.call("on_batch_begin", 4)
    assert log == [("a", "on_batch_begin", (4,)), ("b", "on_batch_begin", (4,))]


def test_only_time_step_hooks_make_a_network_step() -> None:
    assert CallbackList([StepSpy()]).has_step_hooks
    assert not CallbackList([Spy(), NoHooks()]).has_step_hooks


def test_the_base_class_does_nothing() -> None:
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
    assert callback.recorded_spikes() == callback.recorded_variables() == ()


@pytest.mark.parametrize(
    "callbacks", ["batch_progress_bar", BatchProgressBar(), BatchProgressBar, 3]
)
def test_callbacks_must_be_a_list(callbacks: Any) -> None:
    with pytest.raises(ValidationError, match="Callbacks: give a list"):
        small().compile_inference().predict(spikes(1), callbacks=callbacks)


def test_members_of_the_list_are_validated() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'batch_progress_bar'"):
        CallbackList(["batch_progress_ba"])
    with pytest.raises(ValidationError, match=r"Did you mean BatchProgressBar\(\)"):
        CallbackList([BatchProgressBar])  # type: ignore[list-item]
    spy = Spy()
    with pytest.raises(ValidationError, match="is in the list twice"):
        CallbackList([spy, spy])
    assert not spy.log


def test_default_callbacks_are_not_shared(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = small().compile_inference()
    first, second = (
        callbacks_for(compiled, None, progress=RunProgress(Lines(stderr), "Run"))[0]
        for _ in range(2)
    )
    assert isinstance(first, BatchProgressBar)
    assert isinstance(second, BatchProgressBar)
    assert first is not second
    compiled.predict(spikes(1))
    assert "Predict" in capsys.readouterr().err


class InterruptSecondBatch(Callback):
    """Raises KeyboardInterrupt in the second batch."""

    def on_batch_begin(self, batch: int) -> None:
        if batch == 1:
            raise KeyboardInterrupt


def test_on_exception_receives_the_error() -> None:
    compiled = double().compile()
    spy = Spy()
    x = {p: spikes(8) for p in compiled.inputs}
    y = {p: labels(8, 2) for p in compiled.outputs}
    with pytest.raises(KeyboardInterrupt):
        compiled.train(x, y, callbacks=[spy, InterruptSecondBatch()])
    assert spy.calls[-2:] == [("on_batch_begin", 1), ("on_exception",)]
    (arguments,) = [args for _, hook, args in spy.log if hook == "on_exception"]
    assert isinstance(arguments[0], KeyboardInterrupt)
    metrics, _ = compiled.train(x, y, callbacks=[])
    assert len(metrics) == 2
