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

HEAD = (
    "Population",
    "Neuron",
    "Shape",
    "Synapses",
    "Threshold",
    "Expected loss",
    "With sources",
)
#: Energies of an addition and of a product with addition in single precision, in
#: 45 nm technology [J] (Horowitz 2014).
ADDITION, PRODUCT = 0.9e-12, 4.6e-12
MICRO = 1e-6
NUM_RANKED = 3  #: layers with the largest losses that are listed below the table


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
        total_loss: the same if all layers before it are rounded and clipped, too.
    """

    name: str
    neuron: str
    shape: tuple[int, ...]
    synapses: int
    threshold: float | None
    expected_loss: float | None
    total_loss: float | None = None


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
                _percent(r.expected_loss),
                _percent(r.total_loss),
            )
            for r in self.layers
        ]
        return Table(HEAD, rows)

    @property
    def ranked(self) -> tuple[LayerReport, ...]:
        """Rows of the layers whose loss is known, the largest ``total_loss`` first."""
        known = [r for r in self.layers if r.total_loss is not None]
        return tuple(sorted(known, key=lambda r: -(r.total_loss or 0.0)))

    def __str__(self) -> str:
        total = sum(r.synapses for r in self.layers)
        lines = [*self.table.text(), f"Synapses: {total:,}"]
        if self.ranked:
            names = (
                f"{r.name} {_percent(r.total_loss)}" for r in self.ranked[:NUM_RANKED]
            )
            lines.append(f"Largest losses: {', '.join(names)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.table.html()


def _percent(loss: float | None) -> str:
    return "-" if loss is None else f"{100 * loss:.2f} %"


@dataclass(frozen=True)
class Validation:
    """Accuracy of an ANN and of the spiking network converted from it.

    Args:
        ann_accuracy, snn_accuracy: accuracy of each output, between 0 and 1.
        spikes: number of spikes of all populations per example.
        operations: number of synaptic operations per example: each spike, times the
            mean number of synapses of a neuron of its population.
        products: products that the ANN computes for an example.
    """

    ann_accuracy: tuple[float, ...]
    snn_accuracy: tuple[float, ...]
    spikes: float
    operations: float
    products: float

    @property
    def energy(self) -> float:
        """Estimated energy of the synaptic operations of an example [J]."""
        return ADDITION * self.operations

    @property
    def ann_energy(self) -> float:
        """Estimated energy of the products of the ANN [J]."""
        return PRODUCT * self.products

    def __str__(self) -> str:
        ann, snn = (
            ", ".join(f"{100 * a:.2f} %" for a in accuracies)
            for accuracies in (self.ann_accuracy, self.snn_accuracy)
        )
        return (
            f"ANN accuracy: {ann}\nSNN accuracy: {snn}\n"
            f"Spikes per inference: {self.spikes:,.1f}\n"
            f"Synaptic operations per inference: {self.operations:,.0f}, products of "
            f"the ANN: {self.products:,.0f}\n"
            f"Energy in 45 nm technology: {self.energy / MICRO:.3g} uJ, ANN: "
            f"{self.ann_energy / MICRO:.3g} uJ"
        )


def make_report(
    populations: Mapping[Unit, Population],
    codes: Mapping[Unit, Code],
    losses: Mapping[Unit, float],
    total_losses: Mapping[Unit, float],
) -> Report:
    """Returns the report of populations.

    Args:
        populations: {unit: population} in topological order.
        codes: codes of the units that have one.
        losses: expected losses of units; empty without examples.
        total_losses: the same with coded sources.
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
                total_loss=total_losses.get(unit),
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


Losses = dict[Unit, float]  #: {unit: relative error of its activations}


def expected_losses(
    units: Units, codes: Mapping[Unit, Code], examples: Examples
) -> tuple[Losses, Losses]:
    """Returns the relative errors of the ANN's activations by rounding and clipping.

    They are ``sqrt(sum((coded - x)^2) / sum(x^2))``, for units with activity. The first
    are those of each layer alone, the second those with coded sources.
    """

    def coded(unit: Unit, x: np.ndarray) -> np.ndarray:
        return codes[unit].coded(x).astype(np.float32) if unit in codes else x

    alone, total = dict.fromkeys(units.all, 0.0), dict.fromkeys(units.all, 0.0)
    power = dict.fromkeys(units.all, 0.0)
    for batch, values in zip(examples.batches(), examples.values(units), strict=True):
        for unit, rounded in units.values(batch, coded).items():
            x = values[unit].astype(float)
            power[unit] += float(np.sum(x**2))
            total[unit] += float(np.sum((rounded - x) ** 2))
            alone[unit] += float(np.sum((coded(unit, x) - x) ** 2))
    active = [unit for unit in units.all if power[unit] > 0.0]
    return (
        {u: float(np.sqrt(alone[u] / power[u])) for u in active if u in codes},
        {u: float(np.sqrt(total[u] / power[u])) for u in active},
    )


def synaptic_operations(
    populations: Mapping[Unit, Population], spikes: Mapping[Unit, float]
) -> tuple[float, float]:
    """Returns the synaptic operations of spikes, and the products of the ANN.

    Args:
        populations: {unit: population}.
        spikes: spikes of each population for an example.
    """
    operations = products = 0.0
    sources = {population: unit for unit, population in populations.items()}
    for population in populations.values():
        for connection in incoming(population):
            source = connection.ends()[0]
            synapses = connection.connectivity.expected(*connection.ends())
            operations += spikes[sources[source]] * synapses / source.size
            products += synapses
    return operations, products
