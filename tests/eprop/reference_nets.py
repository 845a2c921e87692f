"""The same small networks for e-prop, in ml_genn and in the forward-trace reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from reference import eprop

from ml_genn import Connection, Network, Population
from ml_genn.connectivity import Dense
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn_eprop import EPropCompiler

NUM_IN, NUM_HIDDEN, NUM_OUT, STEPS = 10, 8, 3, 60


@dataclass(frozen=True)
class Case:
    """Hidden populations and options of learning."""

    hidden: dict[str, eprop.Hidden]
    loss: str = "cross_entropy"
    c_reg: float = 0.0
    recurrent: bool = True
    tau_out: float = 20.0
    to_output: tuple[str, ...] = ()  # populations connected to the output; () for all

    def connections(self) -> tuple[eprop.Connection, ...]:
        """Returns the connections of all hidden populations."""
        rng = np.random.default_rng(2)
        connections = []
        for name, hidden in self.hidden.items():
            n = hidden.size
            connections.append(
                eprop.Connection("in", name, rng.normal(0.25, 0.25, (NUM_IN, n)))
            )
            for other, source in self.hidden.items() if self.recurrent else ():
                weight = rng.normal(0.0, 0.15, (source.size, n))
                connections.append(eprop.Connection(other, name, weight))
            if name in self.to_output or not self.to_output:
                weight = rng.normal(0.0, 0.5, (n, NUM_OUT))
                connections.append(eprop.Connection(name, "out", weight))
        return tuple(connections)

    def data(self) -> tuple[np.ndarray, Any]:
        """Returns spikes (steps, inputs) and a target."""
        rng = np.random.default_rng(7)
        spikes = rng.random((STEPS, NUM_IN)) < 0.2
        target = (
            1 if self.loss == "cross_entropy" else rng.normal(size=(STEPS, NUM_OUT))
        )
        return spikes, target

    def reference(self, feedback: dict[str, Any] | None = None) -> eprop.Result:
        """Forward traces; ``feedback`` weights by population, symmetric where none."""
        network = eprop.Network(
            self.hidden,
            self.connections(),
            np.zeros(NUM_OUT),
            tau_out=self.tau_out,
            jumps_decay=True,
        )
        spikes, target = self.data()
        factor = 1.0 if self.loss == "cross_entropy" else 2.0 / (STEPS * NUM_OUT)
        options = eprop.Options(
            loss=self.loss,  # type: ignore[arg-type]
            c_reg=self.c_reg,
            feedback=feedback,
            factor=factor,
            tau_reg=100.0,
            f_target=20.0,
        )
        return eprop.run(network, {"in": spikes}, target, options)

    def compile(
        self, **kwargs: Any
    ) -> tuple[Any, list[Connection], dict[str, Population]]:
        """The same network in ml_genn."""
        with Network() as network:
            populations = {"in": Population("spike_input", NUM_IN)}
            for name, hidden in self.hidden.items():
                populations[name] = Population(_neuron(hidden), hidden.size, name=name)
            readout = "sum_var" if self.loss == "cross_entropy" else "var"
            output = LeakyIntegrate(tau_mem=self.tau_out, readout=readout)
            populations["out"] = Population(output, NUM_OUT)
            connections = [
                Connection(
                    populations[c.source], populations[c.target], Dense(c.weight)
                )
                for c in self.connections()
            ]
        names = {
            "cross_entropy": "sparse_categorical_crossentropy",
            "squared_error": "mean_square_error",
        }
        compiler = EPropCompiler(
            STEPS,
            names[self.loss],
            c_reg=self.c_reg,
            tau_reg=100.0,
            f_target=20.0,
            num_threads=1,
            **kwargs,
        )
        return compiler.compile(network), connections, populations


def _neuron(hidden: eprop.Hidden) -> Any:
    common = {
        "v_thresh": hidden.v_thresh,
        "tau_mem": hidden.tau_mem,
        "tau_refrac": hidden.tau_refrac or None,
    }
    if hidden.beta:
        return AdaptiveLeakyIntegrateFire(
            beta=hidden.beta, tau_adapt=hidden.tau_adapt, **common
        )
    return LeakyIntegrateFire(**common)


LIF = eprop.Hidden(NUM_HIDDEN, v_thresh=0.6)
ALIF = eprop.Hidden(NUM_HIDDEN, v_thresh=0.6, beta=0.1, tau_adapt=100.0)
