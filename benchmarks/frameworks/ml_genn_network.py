"""The network in ml_genn, under each learning rule and in inference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from harness.spikes import to_examples
from harness.timing import InferenceStep, TrainingStep

from frameworks.setting import (
    NUM_INPUT,
    NUM_OUTPUT,
    TAU_MEM,
    TAU_SYN,
    Setting,
)
from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.compilers.event_prop_compiler import default_params
from ml_genn.connectivity import Connectivity, Dense, FixedProbability
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Delta, Exponential

LOSS = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Rule:
    """Compiler of a learning rule, or of inference.

    Args:
        compiler: its class.
        options: arguments of its own.
        learns: True if it trains.
        delta: True if synapses are delta synapses, False if exponential.
    """

    compiler: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    learns: bool = True
    delta: bool = False


RULES: dict[str, Rule] = {
    "EventProp": Rule(EventPropCompiler),
    "e-prop": Rule(EPropCompiler, delta=True),
    "e-prop, online": Rule(EPropCompiler, {"mode": "online"}, delta=True),
    "BPTT": Rule(BPTTCompiler),
    "BPTT, B_th = 0.9": Rule(BPTTCompiler, {"backward_threshold": 0.9}),
    "inference": Rule(InferenceCompiler, learns=False),
}


def make_connectivity(setting: Setting, layer: int, scale: float) -> Connectivity:
    """Returns connectivity with its weights; sparse connectivity is random."""
    density, (mean, sd) = setting.densities[layer], setting.moments[layer]
    if density < 1.0:
        return FixedProbability(density, Normal(scale * mean, scale * sd))
    return Dense(np.float32(scale) * setting.weights(layer))


class MlGennNetwork:
    """The network and its batch in ml_genn.

    Args:
        setting: sizes.
        rule: a key of ``RULES``.
    """

    def __init__(self, setting: Setting, rule: str) -> None:
        self.setting, self.rule = setting, RULES[rule]
        network, self.hidden = self._network()
        self.connections = network.connections
        self.x = to_examples(setting.rasters(), setting.dt)
        self.compiled = self.rule.compiler(
            setting.steps,
            *([LOSS] if self.rule.learns else []),
            dt=setting.dt,
            batch_size=setting.batch,
            num_threads=setting.threads,
            backend="cuda" if setting.device == "gpu" else "cpu",
            **self.rule.options,
        ).compile(network)
        self.step = (
            TrainingStep(self.compiled, self.x, setting.labels)
            if self.rule.learns
            else InferenceStep(self.compiled, self.x)
        )

    def _network(self) -> tuple[Network, Population]:
        scale = self.setting.delta_scale if self.rule.delta else 1.0
        # Training compilers choose scale_i and the like; inference follows EventProp.
        with Network(None if self.rule.learns else default_params) as network:
            synapse = Delta() if self.rule.delta else Exponential(TAU_SYN)
            neuron = LeakyIntegrateFire(tau_mem=TAU_MEM)
            readout = LeakyIntegrate(tau_mem=TAU_MEM, readout="avg_var")
            inputs = Population("spike_input", NUM_INPUT)
            hidden = Population(neuron, self.setting.hidden, record_spikes=True)
            output = Population(readout, NUM_OUTPUT)
            ends = ((inputs, hidden), (hidden, hidden), (hidden, output))
            for layer, (source, target) in enumerate(ends):
                connectivity = make_connectivity(self.setting, layer, scale)
                Connection(source, target, connectivity, synapse)
        return network, hidden

    def rate(self) -> float:
        """Returns the spikes per hidden neuron and second."""
        recorder = SpikeRecorder(self.hidden, key="hidden", record_counts=True)
        _, recorded = self.compiled.predict(self.x, callbacks=[recorder])
        return self.setting.hertz(float(np.sum(recorded["hidden"])))

    def gradients(self, example: int) -> list[np.ndarray]:
        """Returns gradients of input, recurrent and output weights of an example."""
        one = slice(example, example + 1)
        gradients = self.compiled.gradients(self.x[one], self.setting.labels[one])
        return [gradients[connection] for connection in self.connections]


make_network = MlGennNetwork
