"""A small network that one or more processes train, run as a script under MPI."""

from __future__ import annotations

import sys

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

INPUTS, HIDDEN, CLASSES, STEPS = 30, 24, 3, 25
BATCHES, BATCH = 20, 8
EXAMPLES = BATCHES * BATCH - 7  # the last batch has one example


def examples():
    """Spikes and labels."""
    rng = np.random.default_rng(3)
    counts = rng.integers(10, 60, EXAMPLES)
    x = [
        preprocess_spikes(
            np.sort(rng.uniform(0, STEPS, n)), rng.integers(0, INPUTS, n), INPUTS
        )
        for n in counts
    ]
    return x, rng.integers(0, CLASSES, EXAMPLES)


def compiled(
    communicator, hidden=HIDDEN, compiler=EventPropCompiler, optimisers=None, **options
):
    """The network, always with the same weights.

    ``optimisers`` are those of populations by their names; None: of all weights.
    """
    synapse = Delta() if compiler is EPropCompiler else Exponential(5.0)
    with Network() as network:
        inputs = Population("spike_input", INPUTS, name="in")
        middle = Population("leaky_integrate_fire", hidden, name="hidden")
        output = Population(LeakyIntegrate(readout="avg_var"), CLASSES, name="out")
        ends = ((inputs, middle, 0.5), (middle, middle, 0.0), (middle, output, 0.0))
        for source, target, mean in ends:
            name = f"{source.name}_{target.name}"
            weight = Dense(Normal(mean, 0.3))
            Connection(source, target, weight, synapse, name=name)
    if optimisers is not None:
        named = {p.name: p for p in network.populations}
        optimisers = {named[name]: chosen for name, chosen in optimisers.items()}
    return compiler(
        STEPS,
        "sparse_categorical_crossentropy",
        batch_size=BATCH,
        communicator=communicator,
        num_threads=1,
        **options,
    ).compile(network, optimisers=optimisers)


def weights(network):
    """All weights, by the names of their connections."""
    return {c.name: network.weights(c) for c in network.network.connections}


def main() -> None:
    """Trains, and saves what came out: ``trained_net.py FILE [what goes wrong]``."""
    from ml_genn.communicators import MPI

    communicator = MPI()
    last = communicator.rank == communicator.num_ranks - 1
    wrong = sys.argv[2] if len(sys.argv) > 2 else ""
    network = compiled(communicator, HIDDEN + (wrong == "another" and last))
    x, y = examples()
    if wrong == "dies" and last:
        x = None
    metrics, _ = network.train(x, y)
    predictions, _ = network.predict(x, callbacks=[])
    network.save_model(sys.argv[1] + ".model")
    if communicator.rank == 0:
        (output,) = network.outputs
        results = {"accuracy": metrics[output].result, "loss": metrics.loss}
        np.savez(
            sys.argv[1], **results, **weights(network), predictions=predictions[output]
        )


if __name__ == "__main__":
    main()
