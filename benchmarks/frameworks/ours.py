"""The network in ml_genn, under each learning rule and in inference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from measure import InferenceStep, TrainingStep, examples

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
    """How the network is compiled.

    Args:
        compiler: its compiler.
        options: the compiler's own arguments.
        learns: whether it is trained.
        delta: whether synapses are delta synapses.
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


def connectivity(setting: Setting, k: int, scale: float) -> Connectivity:
    """Of input, recurrent or output synapses; sparse ones are drawn at random."""
    density, (mean, sd) = setting.densities[k], setting.moments[k]
    if density < 1.0:
        return FixedProbability(density, Normal(scale * mean, scale * sd))
    return Dense(np.float32(scale) * setting.weights(k))


class Ours:
    """The network and its batch.

    Args:
        setting: sizes.
        rule: a key of ``RULES``.
    """

    def __init__(self, setting: Setting, rule: str) -> None:
        self.setting, self.rule = setting, RULES[rule]
        scale = setting.delta if self.rule.delta else 1.0
        # Where a compiler learns it chooses these itself; inference follows EventProp.
        with Network(None if self.rule.learns else default_params) as network:
            synapse = Delta() if self.rule.delta else Exponential(TAU_SYN)
            inputs = Population("spike_input", NUM_INPUT)
            self.hidden = Population(
                LeakyIntegrateFire(tau_mem=TAU_MEM), setting.hidden, record_spikes=True
            )
            readout = LeakyIntegrate(tau_mem=TAU_MEM, readout="avg_var")
            output = Population(readout, NUM_OUTPUT)
            hidden = self.hidden
            ends = ((inputs, hidden), (hidden, hidden), (hidden, output))
            for k, (pre, post) in enumerate(ends):
                Connection(pre, post, connectivity(setting, k, scale), synapse)
        self.connections = network.connections
        self.x = examples(setting.rasters(), setting.dt)
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

    def rate(self) -> float:
        """Hidden spikes per neuron and second."""
        recorder = SpikeRecorder(self.hidden, key="hidden", record_counts=True)
        _, found = self.compiled.predict(self.x, callbacks=[recorder])
        return self.setting.hertz(float(np.sum(found["hidden"])))

    def gradients(self, example: int) -> list[np.ndarray]:
        """Gradients of input, recurrent and output weights, of one example."""
        one = slice(example, example + 1)
        found = self.compiled.gradients(self.x[one], self.setting.labels[one])
        return [found[connection] for connection in self.connections]


subject = Ours
