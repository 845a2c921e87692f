"""Compiler for networks whose spikes are the digits of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_genn.communicators import Communicator
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.compilers.compiler import Compiler
from ml_genn.errors import ValidationError
from ml_genn.graph.graph import PopulationType, get_underlying_pop
from ml_genn.lowering import Lowered, check_network
from ml_genn.lowering.few_spike.network import lower_few_spike
from ml_genn.lowering.few_spike.schedule import Schedule, schedule
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.population import Population
from ml_genn.utils.checks import whole

Keys = PopulationType | Sequence[PopulationType] | None


class CompiledFewSpikeNetwork(CompiledNetwork):
    """A few-spike network that is evaluated; made by `FewSpikeCompiler`.

    Args:
        network, lowered, config: as for `CompiledNetwork`.
        turns: time steps in which each population sends its digits.
        outputs: populations that are read.
    """

    def __init__(
        self,
        network: Network,
        lowered: Lowered,
        config: RuntimeConfig,
        turns: Schedule,
        outputs: tuple[Population, ...],
    ) -> None:
        super().__init__(network, lowered, config, outputs=outputs)
        self._schedule = turns

    @property
    def k(self) -> int:
        """Digits of a number."""
        return self._schedule.k

    @property
    def starts(self) -> dict[Population, int]:
        """``{population: time step of its first, highest digit}``."""
        return {p: turn.start for p, turn in self._schedule.turns.items()}

    @property
    def pop_pipeline_depth(self) -> dict[Population, int]:
        """``{population: layers between the inputs and it}``."""
        return {p: max(start // self.k - 1, 0) for p, start in self.starts.items()}


class FewSpikeCompiler(Compiler):
    """Compiles networks that send numbers as k binary digits (Stöckl & Maass 2021).

    Each population sends its digits in k time steps, once all that arrives at it is
    known; an example takes k steps for each layer.

    Args:
        k: digits of a number, 10 by default; that of all neurons.
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of everything random, 0 by default.
        kernel_profiling: as for `Compiler`.
        prefer_in_memory_connect: whether GeNN keeps weights in memory rather than
            drawing them again, yes by default; the embedded engine always does, and
            warns of False.
        communicator: how processes that work together talk; None (default) for one.
        backend, num_threads: as for `Compiler`.
        **genn_kwargs: as for `Compiler`.
    """

    def __init__(
        self,
        k: int = 10,
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        prefer_in_memory_connect: bool = True,
        communicator: Communicator | None = None,
        **genn_kwargs: Any,
    ) -> None:
        super().__init__(
            dt=dt,
            batch_size=batch_size,
            rng_seed=rng_seed,
            kernel_profiling=kernel_profiling,
            communicator=communicator,
            **genn_kwargs,
        )
        if not prefer_in_memory_connect:
            self._goes_without("prefer_in_memory_connect=False")
        self.k = whole("FewSpikeCompiler: k", k)

    def compile(
        self,
        network: Network,
        name: str | None = None,
        inputs: Keys = None,
        outputs: Keys = None,
    ) -> CompiledFewSpikeNetwork:
        """A network that can be evaluated.

        Args:
            network: the network; it is not changed.
            name: kept for scripts written for mlGeNN.
            inputs: all inputs, one or a sequence of them; None (default) for these.
            outputs: populations or layers with a readout that are read, one or a
                sequence of them; None (default) for all.

        Raises:
            ValidationError: if the network cannot be run.
            UnsupportedError: if a part of it has no few-spike code, or connections form
                a loop.
        """
        check_network(network)
        read = _ends(network, inputs, outputs)
        turns = schedule(network, self.k)
        config = self.runtime_config(turns.num_steps, inputs=inputs, outputs=outputs)
        lowered = lower_few_spike(network, turns, dt=self.dt, seed=self.rng_seed)
        return CompiledFewSpikeNetwork(network, lowered, config, turns, read)


def _ends(network: Network, inputs: Keys, outputs: Keys) -> tuple[Population, ...]:
    """The outputs; refuses inputs that are not all of them, outputs that are none."""
    known = [p for p in network.populations if isinstance(p.neuron, Input)]
    if set(_listed(inputs, known)) != set(known):
        raise ValidationError(
            "FewSpikeCompiler: inputs are all populations that are given data, "
            f"{_names(known)}. Received {_names(_listed(inputs, known))}."
        )
    known = [p for p in network.populations if p.neuron.readout is not None]
    found = _listed(outputs, known)
    if not set(found) <= set(known):
        raise ValidationError(
            "FewSpikeCompiler: outputs are populations of this network with a readout, "
            f"{_names(known)}. Received {_names(found)}."
        )
    return tuple(dict.fromkeys(found))


def _listed(keys: Keys, known: list[Population]) -> list[Population]:
    if keys is None:
        return known
    listed = keys if isinstance(keys, Sequence) else [keys]
    return [get_underlying_pop(key) for key in listed]


def _names(populations: list[Population]) -> list[str]:
    return sorted(p.name for p in populations)
