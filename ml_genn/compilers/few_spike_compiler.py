"""Compiler for networks whose spikes are the digits of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_genn.communicators import Communicator
from ml_genn.compilers.compiled_network import CompiledNetwork, Settings
from ml_genn.compilers.compiler import Compiler
from ml_genn.compilers.lowering import check_network
from ml_genn.compilers.lowering.few_spike import lower_few_spike
from ml_genn.compilers.lowering.schedule import Schedule, schedule
from ml_genn.errors import ValidationError
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.population import Population
from ml_genn.utils.checks import whole
from ml_genn.utils.network import PopulationType, get_underlying_pop

Keys = PopulationType | Sequence[PopulationType] | None


class CompiledFewSpikeNetwork(CompiledNetwork):
    """A few-spike network that is evaluated; made by `FewSpikeCompiler`."""

    _schedule: Schedule

    @property
    def k(self) -> int:
        """Digits of a number."""
        return self._schedule.k

    @property
    def starts(self) -> dict[Population, int]:
        """{population: time step of its first, highest digit}."""
        return {p: turn.start for p, turn in self._schedule.turns.items()}

    @property
    def pop_pipeline_depth(self) -> dict[Population, int]:
        """{population: layers between the inputs and it}."""
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
        kernel_profiling: kept for scripts written for mlGeNN.
        prefer_in_memory_connect: kept for scripts written for mlGeNN.
        communicator: how processes that work together talk; None (default) for one.
        backend, num_threads, **genn_kwargs: as for `Compiler`.
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
            inputs, outputs: populations or layers, one or a sequence of them; None
                (default): all inputs, and all populations with a readout. They are only
                checked.

        Raises:
            ValidationError: if the network cannot be run.
            UnsupportedError: if a part of it has no few-spike code, or connections form
                a loop.
        """
        check_network(network)
        _check_ends(network, inputs, outputs)
        turns = schedule(network, self.k)
        settings = Settings(
            backend=self.backend,
            num_threads=self.num_threads,
            seed=self.rng_seed,
            dt=self.dt,
            num_steps=turns.num_steps,
            batch_size=self.batch_size,
            communicator=self.communicator,
            recipe=self.recipe(),
        )
        lowered = lower_few_spike(network, turns, dt=self.dt, seed=self.rng_seed)
        compiled = CompiledFewSpikeNetwork(network, lowered, settings)
        compiled._schedule = turns
        return compiled


def _check_ends(network: Network, inputs: Keys, outputs: Keys) -> None:
    """Refuses inputs that are not all inputs, and outputs that are none."""
    known = {p for p in network.populations if isinstance(p.neuron, Input)}
    if inputs is not None and (given := _listed(inputs)) != known:
        raise ValidationError(
            "FewSpikeCompiler: inputs are all populations that are given data, "
            f"{_names(known)}. Received {_names(given)}."
        )
    known = {p for p in network.populations if p.neuron.readout is not None}
    if outputs is not None and not (given := _listed(outputs)) <= known:
        raise ValidationError(
            "FewSpikeCompiler: outputs are populations of this network with a readout, "
            f"{_names(known)}. Received {_names(given)}."
        )


def _listed(keys: Keys) -> set[Population]:
    listed = keys if isinstance(keys, Sequence) else [keys]
    return {get_underlying_pop(key) for key in listed}


def _names(populations: set[Population]) -> list[str]:
    return sorted(p.name for p in populations)
