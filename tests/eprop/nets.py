"""Networks on which the two modes of e-prop are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import CompiledTrainingNetwork
from ml_genn.connectivity import Connectivity, Dense, FixedProbability
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.readouts import SumVar, Var
from ml_genn_eprop import EPropCompiler

NUM_IN, EXAMPLES, STEPS = 12, 5, 90
CROSS_ENTROPY = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Net:
    """Input, a recurrent hidden population, a second one behind it, and outputs.

    Attributes:
        hidden: the class of the first hidden population's neurons.
        choices: arguments of these neurons.
        delays: of input, recurrent and output connections [steps].
        two_outputs: whether there is a second output, with another time constant.
        loss: of all outputs.
        learned: parameters of the first hidden population that are learned.
        steps: time steps.
        window: of the readouts of outputs [ms]; None for all steps.
        probability: fraction of pairs that are connected; 1 for dense connectivity.
    """

    hidden: type = AdaptiveLeakyIntegrateFire
    choices: tuple[tuple[str, Any], ...] = ()
    delays: tuple[int, int, int] = (0, 0, 0)
    two_outputs: bool = False
    loss: str = CROSS_ENTROPY
    learned: Sequence[str] = ()
    steps: int = STEPS
    window: tuple[float, float] | None = None
    probability: float = 1.0

    def compile(self, mode: str, **settings: Any) -> CompiledTrainingNetwork:
        """Compiled by e-prop; settings are the compiler's."""
        with Network() as network:
            source = Population("spike_input", NUM_IN, name="in", record_spikes=True)
            hidden = Population(self._neuron(), 20, name="hidden", record_spikes=True)
            behind = LeakyIntegrateFire(v_thresh=0.5, tau_mem=Uniform(10.0, 30.0))
            second = Population(behind, 7, name="second")
            output = Population(self._output(tau_mem=15.0), 3, name="out")
            for ends, spread, delay in (
                ((source, hidden), (0.15, 0.2), self.delays[0]),
                ((hidden, hidden), (0.0, 0.1), self.delays[1]),
                ((hidden, output), (0.0, 0.4), self.delays[2]),
                ((hidden, second), (0.1, 0.3), 0),
                ((second, output), (0.0, 0.4), 3),
                ((source, output), (0.0, 0.1), 0),
            ):
                Connection(*ends, self._connectivity(Normal(*spread), delay))
            if self.two_outputs:
                slow = self._output(tau_mem=33.0, scale_i=True)
                other = Population(slow, 4, name="slow")
                for target in (other, output):
                    weight = Dense(Normal(0.0, 0.4), self.delays[2])
                    Connection(hidden, target, weight, name=f"more {target.name}")
        optimisers = None
        if self.learned:
            optimisers = {
                "all_connections": {"weight": "adam"},
                hidden: dict.fromkeys(self.learned, "adam"),
            }
        options = {"c_reg": 0.3, "batch_size": EXAMPLES, "num_threads": 1, **settings}
        compiler = EPropCompiler(self.steps, self.loss, mode=mode, **options)
        return compiler.compile(network, optimisers=optimisers)

    def _connectivity(self, weight: Normal, delay: int) -> Connectivity:
        if self.probability == 1:
            return Dense(weight, delay)
        return FixedProbability(self.probability, weight, delay=delay)

    def _neuron(self) -> Any:
        return self.hidden(
            v_thresh=Uniform(0.5, 0.7),
            tau_mem=Uniform(10.0, 30.0),
            **dict(self.choices),
        )

    def _output(self, **arguments: Any) -> LeakyIntegrate:
        readout = SumVar if self.loss == CROSS_ENTROPY else Var
        return LeakyIntegrate(readout=readout(self.window), **arguments)

    def data(self, compiled: CompiledTrainingNetwork) -> tuple[Any, Any]:
        """Spikes, and targets of each output."""
        rng = np.random.default_rng(1)
        (source,) = compiled.inputs
        x = {source: rng.random((EXAMPLES, self.steps, NUM_IN)) < 0.15}
        if self.loss == CROSS_ENTROPY:
            return x, {p: np.arange(EXAMPLES) % p.size for p in compiled.outputs}
        shape = (EXAMPLES, self.steps)
        return x, {p: rng.normal(size=(*shape, p.size)) for p in compiled.outputs}


ADAPT = (("beta", 0.2), ("tau_adapt", 100.0))
NETS = {
    "alif": Net(choices=ADAPT),
    "lif": Net(LeakyIntegrateFire),
    "absolute_reset": Net(LeakyIntegrateFire, (("relative_reset", False),)),
    "delays": Net(choices=ADAPT, delays=(2, 4, 6)),
    "frozen_while_refractory": Net(
        choices=(*ADAPT, ("tau_refrac", 4.0), ("integrate_during_refrac", False)),
        delays=(0, 0, 2),
    ),
    "two_outputs": Net(choices=ADAPT, delays=(0, 0, 1), two_outputs=True),
    "squared_error": Net(
        choices=(*ADAPT, ("tau_refrac", 4.0)),
        two_outputs=True,
        loss="mean_square_error",
    ),
    "window": Net(
        choices=ADAPT, two_outputs=True, loss="mean_square_error", window=(9.0, 25.0)
    ),
    "sparse": Net(choices=ADAPT, delays=(0, 2, 0), probability=0.4),
    "parameters": Net(
        choices=ADAPT,
        delays=(0, 0, 3),
        learned=("tau_mem", "v_thresh", "beta", "tau_adapt"),
    ),
}


def gradients(net: Net, mode: str, **settings: Any) -> dict[str, np.ndarray]:
    """Returns {name of the learned array: gradient}."""
    compiled = net.compile(mode, **settings)
    grads = compiled.gradients(*net.data(compiled))
    return {
        f"{key[0].name}.{key[1]}" if isinstance(key, tuple) else key.name: value
        for key, value in grads.items()
    }


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the norm of b - a relative to that of a."""
    return float(np.linalg.norm(b - a) / np.linalg.norm(a))


def population(compiled: CompiledTrainingNetwork, name: str) -> Population:
    """Returns the population with a name."""
    return next(p for p in compiled.network.populations if p.name == name)
