"""Compiler of networks whose spikes are binary digits of numbers."""

from __future__ import annotations

from typing import Any

from ml_genn.communicators import Communicator
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.compilers.compiler import Compiler
from ml_genn.compilers.listed_populations import Keys, check_inputs, listed_outputs
from ml_genn.lowering import Lowered, check_network
from ml_genn.lowering.few_spike.network import lower_few_spike
from ml_genn.lowering.few_spike.schedule import Schedule, make_schedule
from ml_genn.network import Network
from ml_genn.population import Population
from ml_genn.utils.checks import flag, whole


class CompiledFewSpikeNetwork(CompiledNetwork):
    """Compiled few-spike network; made by `FewSpikeCompiler`.

    Args:
        network, lowered, config: as for `CompiledNetwork`.
        schedule: time windows of the populations.
        outputs: populations that are read.
    """

    def __init__(
        self,
        network: Network,
        lowered: Lowered,
        config: RuntimeConfig,
        schedule: Schedule,
        outputs: tuple[Population, ...],
    ) -> None:
        super().__init__(network, lowered, config, outputs=outputs)
        self._schedule = schedule

    @property
    def k(self) -> int:
        """Digits of a number."""
        return self._schedule.k

    @property
    def starts(self) -> dict[Population, int]:
        """``{population: time step of its first, highest digit}``."""
        return {p: w.first_digit for p, w in self._schedule.windows.items()}

    @property
    def pop_pipeline_depth(self) -> dict[Population, int]:
        """``{population: layers between the inputs and it}``."""
        return {p: max(start // self.k - 1, 0) for p, start in self.starts.items()}


class FewSpikeCompiler(Compiler):
    """Compiler of networks that send numbers as k binary digits (Stöckl & Maass 2021).

    Each population sends its digits in k time steps, once it has received all digits
    that they depend on; an example takes k steps for each layer. Networks with loops,
    with other neurons than few-spike neurons, and with other synapses than delta
    synapses are refused.

    Args:
        k: digits of a number, 10 by default; all neurons have the same.
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of all random numbers, 0 by default.
        kernel_profiling: as for `Compiler`.
        prefer_in_memory_connect: True (default) if GeNN keeps weights in memory
            instead of sampling them again; the embedded engine always keeps them, and
            warns of False.
        communicator: connects processes that run together; None (default) for one.
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
        backend: str | None = None,
        num_threads: int | None = None,
        **genn_kwargs: Any,
    ) -> None:
        super().__init__(
            dt=dt,
            batch_size=batch_size,
            rng_seed=rng_seed,
            kernel_profiling=kernel_profiling,
            communicator=communicator,
            backend=backend,
            num_threads=num_threads,
            **genn_kwargs,
        )
        where = "FewSpikeCompiler: prefer_in_memory_connect"
        if not flag(where, prefer_in_memory_connect):
            self._warn_if_ignored("prefer_in_memory_connect=False")
        self.k = whole("FewSpikeCompiler: k", k)

    def compile(
        self,
        network: Network,
        name: str | None = None,
        inputs: Keys = None,
        outputs: Keys = None,
    ) -> CompiledFewSpikeNetwork:
        """Returns a network that can be evaluated.

        Args:
            network: the network; it is not changed.
            name: accepted for scripts written for mlGeNN, without effect.
            inputs: all inputs, one or a sequence of them; None (default) for these.
            outputs: populations or layers with a readout that are read, one or a
                sequence of them; None (default) for all.

        Raises:
            ValidationError: if the network cannot be run.
            UnsupportedError: if a part of it has no few-spike code, or connections form
                a loop.
        """
        check_network(network)
        check_inputs("FewSpikeCompiler", network, inputs)
        read = listed_outputs("FewSpikeCompiler", network, outputs)
        schedule = make_schedule(network, self.k)
        config = self.runtime_config(schedule.num_steps, inputs=inputs, outputs=outputs)
        lowered = lower_few_spike(network, schedule, dt=self.dt, seed=self.rng_seed)
        return CompiledFewSpikeNetwork(network, lowered, config, schedule, read)
