"""Configuration of a compiled network: arguments of the compiler, runtime options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_genn.backends import Backend
from ml_genn.communicators import Communicator

#: {argument of GeNN 4: its name in GeNN 5; None if it has none}
GENN_4_ARGUMENTS: Mapping[str, str | None] = {
    "automaticCopy": "automatic_copy",
    "blockSizeSelectMethod": "block_size_select_method",
    "constantCacheOverhead": "constant_cache_overhead",
    "debugCode": "debug_code",
    "deviceSelectMethod": "device_select_method",
    "enableBitmaskOptimisations": "enable_bitmask_optimisations",
    "enableNCCLReductions": "enable_nccl_reductions",
    "generateEmptyStatePushPull": "generate_empty_state_push_pull",
    "generateExtraGlobalParamPull": "generate_extra_global_param_pull",
    "generateLineInfo": "generate_line_info",
    "generateSimpleHostBackend": "generate_simple_host_backend",
    "manualBlockSizes": "manual_block_sizes",
    "manualDeviceID": "manual_device_id",
    "manualPlatformID": "manual_platform_id",
    "optimizeCode": "optimize_code",
    "selectGPUByDeviceID": None,
    "showPtxInfo": "show_ptx_info",
    "useConstantCacheForRNG": "use_constant_cache_for_rng",
    "userCxxFlagsGNU": "user_cxx_flags_gnu",
    "userNvccFlags": "user_nvcc_flags",
}
#: Arguments of GeNN's model and code generator that mlGeNN accepts, older names too.
GENN_ARGUMENTS = frozenset(GENN_4_ARGUMENTS) | frozenset(
    {
        "automatic_copy",
        "backend_log_level",
        "block_size_select_method",
        "code_gen_log_level",
        "constant_cache_bytes",
        "constant_cache_overhead",
        "debug_code",
        "device_select_method",
        "enable_bitmask_optimisations",
        "enable_nccl_reductions",
        "generate_empty_state_push_pull",
        "generate_extra_global_param_pull",
        "generate_line_info",
        "generate_simple_host_backend",
        "genn_log_level",
        "ghost_log_level",
        "manual_block_sizes",
        "manual_device_id",
        "manual_platform_id",
        "optimize_code",
        "precision",
        "runtime_log_level",
        "show_ptx_info",
        "time_precision",
        "transpiler_log_level",
        "use_constant_cache_for_rng",
        "user_cxx_flags_gnu",
        "user_nvcc_flags",
        "user_nvcc_flags_gnu",
    }
)
#: Arguments of compilers that depend on the machine; files never choose them.
MACHINE_ARGUMENTS = GENN_ARGUMENTS | {"backend", "communicator", "kernel_profiling"}


@dataclass(frozen=True, slots=True)
class CompileConfig:
    """Compiler class and arguments of a compilation, as model files store them.

    Args:
        compiler: class of the compiler.
        arguments: arguments of its constructor.
        compile_arguments: keyword arguments of `Compiler.compile`, without the network.
    """

    compiler: type
    arguments: Mapping[str, Any]
    compile_arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class RuntimeConfig:
    """Backend, seed and sizes with which a compiled network runs.

    Args:
        backend: builds the model and runs it.
        num_threads: number of threads; None for all cores of the process.
        seed: seed of the random numbers that are drawn while the model runs.
        dt: time step [ms].
        num_steps: time steps of an example.
        batch_size: examples in a batch of this process.
        communicator: connects the processes that run a batch together; None (default)
            for one process.
        continue_state: True if a batch starts in the final state of the previous batch;
            False by default.
        compile_config: arguments of the compilation; None (default) makes `save_model`
            fail.
        genn_kwargs: arguments for GeNN's code generator, for backends of GeNN; none by
            default.
    """

    backend: Backend
    num_threads: int | None
    seed: int
    dt: float
    num_steps: int
    batch_size: int
    communicator: Communicator | None = None
    continue_state: bool = False
    compile_config: CompileConfig | None = None
    genn_kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full_batch_size(self) -> int:
        """Examples in a batch, summed over all processes."""
        num_ranks = 1 if self.communicator is None else self.communicator.num_ranks
        return self.batch_size * num_ranks
