"""Compiler of networks that run without training."""

from __future__ import annotations

from typing import Any

from ml_genn.communicators import Communicator
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.compilers.compiler import Compiler
from ml_genn.compilers.listed_populations import Keys, check_inputs, listed_outputs
from ml_genn.errors import UnsupportedError
from ml_genn.lowering import check_network, lower
from ml_genn.model.plan import PlanValues
from ml_genn.network import Network
from ml_genn.utils.checks import flag, whole


class CompiledInferenceNetwork(CompiledNetwork):
    """Compiled network that can be evaluated, not trained.

    Args:
        network, lowered, config, losses: as for `CompiledNetwork`.
    """


class InferenceCompiler(Compiler):
    """Compiler of networks that run with the weights they have.

    Args:
        evaluate_timesteps: time steps of an example.
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of all random numbers, 0 by default.
        kernel_profiling: as for `Compiler`.
        prefer_in_memory_connect: True (default) if GeNN keeps weights in memory
            instead of sampling them again; the embedded engine always keeps them, and
            warns of False.
        reset_time_between_batches: time starts at 0 in each batch; only True is
            supported.
        reset_vars_between_batches: True (default) if neurons and synapses start each
            batch in their initial state. Readouts always start anew.
        reset_in_syn_between_batches: accepted for scripts written for mlGeNN, without
            effect; synapses are reset with neurons.
        communicator: connects processes that run together; None (default) for one.
        backend, num_threads: as for `Compiler`.
        **genn_kwargs: as for `Compiler`.
    """

    def __init__(
        self,
        evaluate_timesteps: int,
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        prefer_in_memory_connect: bool = True,
        reset_time_between_batches: bool = True,
        reset_vars_between_batches: bool = True,
        reset_in_syn_between_batches: bool = False,
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
        where = "InferenceCompiler"
        if not flag(f"{where}: prefer_in_memory_connect", prefer_in_memory_connect):
            self._warn_if_ignored("prefer_in_memory_connect=False")
        self._check_time(reset_time_between_batches)
        self.evaluate_timesteps = whole(
            "InferenceCompiler: evaluate_timesteps", evaluate_timesteps
        )
        self.reset_vars_between_batches = flag(
            f"{where}: reset_vars_between_batches", reset_vars_between_batches
        )
        flag(f"{where}: reset_in_syn_between_batches", reset_in_syn_between_batches)

    def compile(
        self,
        network: Network,
        name: str | None = None,
        inputs: Keys = None,
        outputs: Keys = None,
    ) -> CompiledInferenceNetwork:
        """Returns a network that can be evaluated.

        Args:
            network: the network, which keeps the choices that are decided here.
            name: accepted for scripts written for mlGeNN, without effect.
            inputs: all inputs, one or a sequence of them; None (default) for these.
            outputs: populations or layers with a readout that are read, one or a
                sequence of them; None (default) for all.

        Raises:
            ValidationError: if the network cannot be run.
        """
        check_network(network)
        check_inputs("InferenceCompiler", network, inputs)
        read = listed_outputs("InferenceCompiler", network, outputs)
        lowered = lower(
            network,
            dt=self.dt,
            seed=self.rng_seed,
            choices={},
            compiler=type(self).__name__,
            num_steps=self.evaluate_timesteps,
        )
        if not self.reset_vars_between_batches:
            self._check_delays(lowered.values)
        config = self.runtime_config(
            self.evaluate_timesteps,
            continue_state=not self.reset_vars_between_batches,
            inputs=inputs,
            outputs=outputs,
        )
        return CompiledInferenceNetwork(network, lowered, config, outputs=read)

    def _check_delays(self, values: PlanValues) -> None:
        """Raises UnsupportedError for delays longer than an example.

        Spikes are stored for one batch, so a longer delay would lose them.
        """
        for name, delay in values.delays.items():
            if isinstance(delay, int) and delay >= self.evaluate_timesteps:
                raise UnsupportedError(
                    f"InferenceCompiler: connection '{name}' has a delay of {delay} "
                    "steps. With reset_vars_between_batches=False delays are shorter "
                    f"than an example ({self.evaluate_timesteps} steps), since spikes "
                    "are kept for one batch. Use longer examples, or an array of "
                    "delays, which are kept for any time."
                )
