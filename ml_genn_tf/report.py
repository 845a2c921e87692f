"""What a conversion has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_genn import Population
from ml_genn.graph.traversal import incoming
from ml_genn.utils.tables import Table
from ml_genn_tf.norm import Examples
from ml_genn_tf.units import Unit, Units

HEAD = ("Population", "Neuron", "Shape", "Synapses", "Threshold", "Expected loss")


@dataclass(frozen=True)
class Code:
    """Which values the spikes of a layer can stand for.

    Args:
        step: from one value to the next.
        highest: the highest one.
        rounds: whether the nearest one is sent, else the next below.
    """

    step: float
    highest: float
    rounds: bool = True

    def coded(self, x: np.ndarray) -> np.ndarray:
        """Values as they are sent: rounded, and limited."""
        steps = np.floor(x / self.step + (0.5 if self.rounds else 0.0))
        return np.clip(steps * self.step, 0.0, self.highest)


@dataclass(frozen=True)
class LayerReport:
    """A layer of the spiking network.

    Args:
        name: of the population.
        neuron: class of its neuron.
        shape: of the population.
        synapses: that lead to it.
        threshold: of its neurons, or alpha; None if there is none.
        expected_loss: root mean square of what its code rounds and cuts off, relative
            to that of the ANN's values; None where no examples were given.
    """

    name: str
    neuron: str
    shape: tuple[int, ...]
    synapses: int
    threshold: float | None
    expected_loss: float | None


@dataclass(frozen=True)
class Report:
    """What a conversion has made; ``print`` shows it as a table.

    Args:
        layers: populations, each after those that feed it.
    """

    layers: tuple[LayerReport, ...]

    @property
    def table(self) -> Table:
        """The layers as a table."""
        rows = [
            (
                r.name,
                r.neuron,
                str(r.shape),
                f"{r.synapses:,}",
                "-" if r.threshold is None else f"{r.threshold:.4g}",
                "-" if r.expected_loss is None else f"{100 * r.expected_loss:.2f} %",
            )
            for r in self.layers
        ]
        return Table(HEAD, rows)

    def __str__(self) -> str:
        total = sum(r.synapses for r in self.layers)
        return "\n".join([*self.table.text(), f"Synapses: {total:,}"])

    def _repr_html_(self) -> str:
        return self.table.html()


@dataclass(frozen=True)
class Validation:
    """How good an ANN and the network made of it are.

    Args:
        ann_accuracy, snn_accuracy: shares of examples that are classified as they
            should be, for each output.
        spikes: of all populations, per example.
    """

    ann_accuracy: tuple[float, ...]
    snn_accuracy: tuple[float, ...]
    spikes: float

    def __str__(self) -> str:
        ann, snn = (
            ", ".join(f"{100 * a:.2f} %" for a in accuracies)
            for accuracies in (self.ann_accuracy, self.snn_accuracy)
        )
        return (
            f"ANN accuracy: {ann}\nSNN accuracy: {snn}\n"
            f"Spikes per inference: {self.spikes:,.1f}"
        )


def make_report(
    populations: Mapping[Unit, Population],
    codes: Mapping[Unit, Code],
    losses: Mapping[Unit, float],
) -> Report:
    """The report of populations.

    Args:
        populations: {unit: its population}, each after those that feed it.
        codes: of units that have one.
        losses: expected losses, as far as known.
    """
    return Report(
        tuple(
            LayerReport(
                name=p.name,
                neuron=type(p.neuron).__name__,
                shape=unit.shape,
                synapses=_synapses(p),
                threshold=_threshold(p) if unit in codes else None,
                expected_loss=losses.get(unit),
            )
            for unit, p in populations.items()
        )
    )


def _threshold(population: Population) -> float | None:
    for name in ("v_thresh", "alpha"):
        if hasattr(population.neuron, name):
            return float(getattr(population.neuron, name))
    return None


def _synapses(population: Population) -> int:
    return sum(c.connectivity.expected(*c.ends()) for c in incoming(population))


def expected_losses(
    units: Units, codes: Mapping[Unit, Code], examples: Examples
) -> dict[Unit, float]:
    """What codes round and cut off of the ANN's values, relative to these."""
    lost, whole = dict.fromkeys(codes, 0.0), dict.fromkeys(codes, 0.0)
    for values in examples.values(units):
        for unit, code in codes.items():
            x = values[unit].astype(float)
            sent = np.sign(x) * code.coded(np.abs(x))
            lost[unit] += float(np.sum((sent - x) ** 2))
            whole[unit] += float(np.sum(x**2))
    return {u: float(np.sqrt(lost[u] / whole[u])) for u in codes if whole[u] > 0.0}
