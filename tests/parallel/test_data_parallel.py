"""Data-parallel training, with threads as ranks, gives the results of one process."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from parallel.rank_threads import RankGroup, ThreadCommunicator, run_ranks
from parallel.trained_net import (
    BATCH,
    EXAMPLES,
    HIDDEN,
    INPUTS,
    compiled,
    examples,
    weights,
)

from ml_genn.callbacks import BatchProgressBar, Checkpoint
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.errors import DivergedError, ValidationError
from ml_genn.optimisers import Adam


def trained(communicator, **options):
    """Accuracy, loss, weights and predictions after training."""
    network = compiled(communicator, **options)
    x, y = examples()
    metrics, _ = network.train(x, y, shuffle=False, callbacks=[])
    (output,) = network.outputs
    predictions, _ = network.predict(x, callbacks=[])
    return metrics[output].result, metrics.loss, weights(network), predictions[output]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "reg_nu_upper": 5.0,
            "reg_lambda_upper": 1e-6,
            "reg_lambda_lower": 1e-6,
        },
        {"optimiser": Adam(clip_norm=0.1)},
        {"compiler": BPTTCompiler},
        {"compiler": EPropCompiler},
        {"compiler": EPropCompiler, "mode": "online"},
    ],
    ids=["EventProp", "regularised", "clipped", "BPTT", "e-prop", "online"],
)
def test_as_one_process(options):
    options = {"compiler": EventPropCompiler, **options}
    accuracy, loss, expected, predictions = trained(None, **options)
    for actual in run_ranks(lambda communicator: trained(communicator, **options)):
        assert actual[0] == accuracy
        assert actual[1] == pytest.approx(loss, rel=1e-5)
        for name, values in expected.items():
            scale = np.abs(values).max()
            assert np.abs(actual[2][name] - values).max() < 1e-5 * scale
        np.testing.assert_allclose(actual[3], predictions, rtol=1e-3, atol=1e-5)


def test_more_processes_than_examples_in_the_last_batch():
    accuracy, loss, *_ = trained(None)
    actual = run_ranks(lambda communicator: trained(communicator), ranks=4)
    assert [each[0] for each in actual] == [accuracy] * 4
    assert actual[3][1] == pytest.approx(loss, rel=1e-4)


def test_the_first_process_chooses_weights_and_order():
    x, y = examples()

    def run(communicator):
        network = compiled(communicator, rng_seed=communicator.rank)
        network.train(x, y, callbacks=[])
        return weights(network)

    first, second = run_ranks(run)
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values)


@pytest.mark.parametrize("optimisers", [None, {}], ids=["learns", "learns nothing"])
def test_divergence_is_everybodys(optimisers):
    x, y = examples()

    def run(communicator):
        network = compiled(communicator, optimisers=optimisers)
        # The loss of the second rank's examples in the first batch is not finite.
        weight = np.full((24, 3), 1e38 if communicator.rank else 0.1, dtype=np.float32)
        network.set_weights(network.network.connections[2], weight)
        with pytest.raises(ArithmeticError):
            network.train(x, y, shuffle=False, callbacks=[])
        return True

    assert run_ranks(run) == [True, True]


def test_only_the_first_prints_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x, y = examples()

    def run(communicator):
        network = compiled(communicator)
        hooks = [BatchProgressBar(), Checkpoint()]
        network.train(x, y, callbacks=hooks)
        network.save(("mine",))
        communicator.barrier()
        before = weights(network)
        network.load(("mine",))
        return before, weights(network)

    for before, after in run_ranks(run):
        for name, values in before.items():
            np.testing.assert_array_equal(after[name], values)
    assert capsys.readouterr().err.count("Epoch 1/1 - ") == 1
    assert list(tmp_path.iterdir())


def test_batches_of_an_iterable_are_shared():
    x, y = examples()
    batches = [(x[k : k + 8], y[k : k + 8]) for k in range(0, len(x), 8)]

    def run(communicator):
        network = compiled(communicator)
        network.train(batches, callbacks=[])
        return weights(network)

    _, _, expected, _ = trained(None)
    for actual in run_ranks(run):
        for name, values in expected.items():
            scale = np.abs(values).max()
            assert np.abs(actual[name] - values).max() < 1e-5 * scale


def test_evaluation_counts_every_example():
    x, y = examples()
    alone, _ = compiled(None).evaluate(x, y, callbacks=[])

    def run(communicator):
        network = compiled(communicator)
        metrics, _ = network.evaluate(x, y, callbacks=[])
        (output,) = network.outputs
        return metrics[output].result, metrics[output].total

    (expected,) = (metric.result for metric in alone.values())
    assert run_ranks(run) == [(expected, EXAMPLES)] * 2


def test_another_network_is_refused():
    def run(communicator):
        network = compiled(communicator, hidden=24 + communicator.rank)
        if communicator.rank == 0:
            return None
        with pytest.raises(ValidationError, match="Process 1 of 2 compiled another"):
            network.weights(network.network.connections[0])
        return True

    group = RankGroup(2)

    def first():
        network = compiled(ThreadCommunicator(group, 0))
        with pytest.raises(threading.BrokenBarrierError):
            network.weights(network.network.connections[0])

    thread = threading.Thread(target=first)
    thread.start()
    assert run(ThreadCommunicator(group, 1))
    group.barrier.abort()
    thread.join(60)
    assert not thread.is_alive()


def test_learned_parameters():
    """A number that all neurons share has no axes; it goes to the others, too."""

    def learned(communicator):
        chosen = {"hidden": {"tau_mem": Adam(0.1)}}
        network = compiled(communicator, optimisers=chosen)
        x, y = examples()
        network.train(x, y, shuffle=False, callbacks=[])
        hidden = next(p for p in network.network.populations if p.name == "hidden")
        return network.parameter(hidden, "tau_mem")

    expected = learned(None)
    assert abs(expected - 20.0) > 0.1
    for actual in run_ranks(learned):
        assert actual == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("problem", ["loss", "state"])
def test_all_processes_leave_out_a_batch_that_diverges_in_one(problem):
    """The last example of the first batch belongs to the second process."""

    def run(communicator):
        network = compiled(communicator)
        x, y = examples()
        factors = np.ones(BATCH)
        if problem == "loss":  # that of the least probable label is above ln 3
            predictions, _ = network.predict(x[:BATCH], callbacks=[])
            y[BATCH - 1] = np.argmin(predictions[network.outputs[0]][-1])
            factors[-1] = 3.4e38
        elif communicator.rank == 1:
            connection = network.network.connections[0]
            network.set_weights(connection, np.full((INPUTS, HIDDEN), -3e38))
        before = network.snapshot().arrays
        with pytest.raises(DivergedError) as caught:
            network.train(
                x[:BATCH], y[:BATCH], sample_weight=factors, shuffle=False, callbacks=[]
            )
        after = network.snapshot().arrays
        assert all(np.array_equal(after[key], before[key]) for key in before)
        with_error = str(caught.value)
        if problem == "state":
            with pytest.raises(DivergedError):
                network.predict(x[:BATCH], callbacks=[])
        return with_error

    first, second = run_ranks(run)
    assert "in another process in epoch 1, batch 1" in first
    assert ("'hidden'" if problem == "state" else "the loss is not") in second


def own_part(communicator):
    """The examples of a process, as scripts for mlGeNN select them."""
    x, y = examples()
    part = slice(communicator.rank, None, communicator.num_ranks)
    return x[part], y[part]


def test_processes_may_have_parts_of_their_own():
    """Batches then have as many examples of each process; one has fewer in all."""
    x, y = examples()
    assert len(y) % 2

    def run(communicator):
        network = compiled(communicator)
        own_x, own_y = own_part(communicator)
        metrics, _ = network.train(own_x, own_y, shuffle=False, callbacks=[])
        (output,) = network.outputs
        evaluated, _ = network.evaluate(own_x, own_y, callbacks=[])
        return metrics.loss, evaluated[output].result, weights(network)

    network = compiled(None)
    metrics, _ = network.train(x, y, shuffle=False, callbacks=[])
    (output,) = network.outputs
    evaluated, _ = network.evaluate(x, y, callbacks=[])
    for loss, accuracy, learned in run_ranks(run):
        assert loss == pytest.approx(metrics.loss, rel=1e-5)
        assert accuracy == evaluated[output].result
        for name, values in weights(network).items():
            scale = np.abs(values).max()
            assert np.abs(learned[name] - values).max() < 1e-5 * scale


def test_own_parts_are_shuffled_and_validated():
    def run(communicator):
        network = compiled(communicator)
        x, y = own_part(communicator)
        first = 9 - communicator.rank  # one process has no example in the last batch
        return network.train(
            x[:first], y[:first], num_epochs=2, callbacks=[], validation_split=0.3
        )

    first, second = run_ranks(run)
    assert first[0].loss == second[0].loss
    assert first[1].loss == second[1].loss
