"""Report and validation of a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_genn import Population
from ml_genn.graph.traversal import incoming
from ml_genn.utils.tables import Table
from ml_genn_tf.norm_data import Examples
from ml_genn_tf.units import Unit, Units

HEAD = ("Population", "Neuron", "Shape", "Synapses", "Threshold", "Expected loss")


@dataclass(frozen=True)
class Code:
    """Values that the spikes of a layer can represent.

    Args:
        step: difference of adjacent values.
        highest: the highest value, without the offset.
        rounds: True if values are rounded to the nearest, False if down.
        signed: True if each sign has spikes of its own; False by default.
        offset: value that no spikes represent, 0 by default.
    """

    step: float
    highest: float
    rounds: bool = True
    signed: bool = False
    offset: float = 0.0

    def coded(self, x: np.ndarray) -> np.ndarray:
        """Returns values as spikes represent them: rounded and clipped."""
        above = x - self.offset
        magnitude = np.abs(above) if self.signed else np.maximum(above, 0.0)
        steps = np.floor(magnitude / self.step + (0.5 if self.rounds else 0.0))
        coded = np.minimum(steps * self.step, self.highest)
        return np.asarray(np.sign(above) * coded + self.offset)


@dataclass(frozen=True)
class LayerReport:
    """Row of a report: one layer of the spiking network.

    Args:
        name: name of the population.
        neuron: class of its neuron.
        shape: shape of the population.
        synapses: number of synapses onto the population.
        threshold: threshold of its neurons, or alpha; None if there is none.
        expected_loss: root mean square of the error by rounding and clipping, relative
            to that of the ANN's activations; None without examples.
    """

    name: str
    neuron: str
    shape: tuple[int, ...]
    synapses: int
    threshold: float | None
    expected_loss: float | None


@dataclass(frozen=True)
class Report:
    """Report of a conversion; ``print`` shows it as a table.

    Args:
        layers: rows in topological order.
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
    """Accuracy of an ANN and of the spiking network converted from it.

    Args:
        ann_accuracy, snn_accuracy: accuracy of each output, between 0 and 1.
        spikes: number of spikes of all populations per example.
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
    """Returns the report of populations.

    Args:
        populations: {unit: population} in topological order.
        codes: codes of the units that have one.
        losses: expected losses of units; empty without examples.
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
    """Returns the relative errors of the ANN's activations by rounding and clipping.

    They are ``sqrt(sum((coded - x)^2) / sum(x^2))``, for units with activity.
    """
    error, power = dict.fromkeys(codes, 0.0), dict.fromkeys(codes, 0.0)
    for values in examples.values(units):
        for unit, code in codes.items():
            x = values[unit].astype(float)
            error[unit] += float(np.sum((code.coded(x) - x) ** 2))
            power[unit] += float(np.sum(x**2))
    return {u: float(np.sqrt(error[u] / power[u])) for u in codes if power[u] > 0.0}
