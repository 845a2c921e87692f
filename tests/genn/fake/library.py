"""A strict fake of PyGeNN: `module` returns the module that stands for ``pygenn``.

It has the calls that the backend makes, checks names, types and code strings as PyGeNN
does or more strictly, rejects everything else, and runs the model in NumPy. As on a
GPU, the host has copies of all arrays, which it pulls from the device and pushes to it.
"""

from __future__ import annotations

import os
import re
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from genn.fake import models, references
from genn.fake.custom_update import CustomUpdate
from genn.fake.language import CodeError
from genn.fake.neuron_group import NeuronGroup
from genn.fake.synapse_group import SynapseGroup

MATRICES = ("DENSE", "SPARSE", "TOEPLITZ")
_PREFERENCES = """optimize_code debug_code genn_log_level code_generator_log_level
transpiler_log_level runtime_log_level"""
PREFERENCES = frozenset(_PREFERENCES.split())
#: {module of the fake: names that PyGeNN has of it}
_EXPORTS = {
    models: """VarAccess VarAccessMode CustomUpdateVarAccess create_neuron_model
    create_weight_update_model create_custom_update_model""",
    references: """init_weight_update init_postsynaptic init_toeplitz_connectivity
    create_var_ref create_wu_var_ref create_src_spike_count_var_ref
    create_den_delay_var_ref""",
}


class GeNNModel:
    """Model of the fake; its ``__slots__`` make unknown attributes errors."""

    __slots__ = ("_built", "_loaded", "backend_name", "batch_size", "built_in")
    __slots__ += ("custom_updates", "dt", "name", "neuron_populations", "preferences")
    __slots__ += (
        "timing_enabled",
        "pulled",
        "recording",
        "seed",
        "synapse_populations",
        "timestep",
    )

    def __init__(
        self,
        precision: str = "float",
        model_name: str = "GeNNModel",
        backend: str | None = None,
        **preference_kwargs: Any,
    ) -> None:
        if precision not in ("float", "double"):
            raise RuntimeError(f"unknown precision {precision!r}")
        if backend not in (None, "cuda", "hip", "single_threaded_cpu"):
            raise RuntimeError(f"unknown backend {backend!r}")
        _check_population(model_name)
        self.name = model_name
        self.backend_name = backend or installation.default_backend
        self.preferences = preference_kwargs
        self.dt, self.batch_size, self.seed, self.timestep = 0.5, 1, 0, 0
        self.neuron_populations: dict[str, NeuronGroup] = {}
        self.synapse_populations: dict[str, SynapseGroup] = {}
        self.custom_updates: dict[str, CustomUpdate] = {}
        self.built_in: str | None = None
        self.timing_enabled = False
        self._built = self._loaded = False
        self.recording: int | None = None
        self.pulled = 0

    # ------------------------------------------------------------ checks
    def check_not_built(self) -> None:
        if self._built:
            raise RuntimeError("GeNN model already built")

    def check_loaded(self) -> None:
        if not self._loaded:
            raise RuntimeError("GeNN model is not loaded")

    # ------------------------------------------------------------ adding
    def add_neuron_population(
        self, pop_name: str, num_neurons: int, neuron: Any, params: Any, vars: Any
    ) -> NeuronGroup:
        self._add(pop_name)
        if type(num_neurons) is not int or num_neurons < 1:
            raise TypeError("num_neurons is a whole number")
        group = NeuronGroup(self, pop_name, num_neurons, neuron, params, vars)
        self.neuron_populations[pop_name] = group
        return group

    def add_synapse_population(
        self,
        pop_name: str,
        matrix_type: str,
        source: NeuronGroup,
        target: NeuronGroup,
        weight_update_init: Any,
        postsynaptic_init: Any,
        connectivity_init: references.ToeplitzInit | None = None,
    ) -> SynapseGroup:
        self._add(pop_name)
        if matrix_type not in MATRICES:
            raise RuntimeError(f"unknown matrix type {matrix_type!r}")
        if not isinstance(postsynaptic_init[0], references.PostsynapticInit):
            raise TypeError("postsynaptic_init comes from init_postsynaptic")
        group = SynapseGroup(
            self,
            pop_name,
            matrix_type,
            (source, target),
            weight_update_init[0],
            connectivity_init,
        )
        self.synapse_populations[pop_name] = group
        return group

    def add_custom_update(
        self,
        cu_name: str,
        group_name: str,
        custom_update_model: Any,
        params: Any,
        vars: Any,
        var_refs: Any,
    ) -> CustomUpdate:
        self._add(cu_name)
        _check_population(group_name)
        names = cu_name, group_name
        update = CustomUpdate(self, names, custom_update_model, params, vars, var_refs)
        self.custom_updates[cu_name] = update
        return update

    def _add(self, name: str) -> None:
        self.check_not_built()
        _check_population(name)
        if name in {
            **self.neuron_populations,
            **self.synapse_populations,
            **self.custom_updates,
        }:
            raise RuntimeError(f"'{name}' is used twice")

    # ------------------------------------------------------------ building
    def build(self, path_to_model: str = "./") -> None:
        self.check_not_built()
        unknown = set(self.preferences) - PREFERENCES
        if unknown:
            raise ValueError(f"Unknown preference {sorted(unknown)}")
        if self.backend_name == "single_threaded_cpu" and self.batch_size > 1:
            raise RuntimeError("the CPU backend runs one example at a time")
        try:
            for group in self._groups():
                group.build()
        except CodeError as error:
            # GeNN logs the reason, past sys.stdout, and leaves the error empty.
            os.write(1, f"{error}\n".encode())
            raise RuntimeError("") from None
        self._check_queues()
        self.built_in = path_to_model
        self._built = True

    def _check_queues(self) -> None:
        """Raises RuntimeError if GeNN would merge queues of spikes and of variables."""
        slots = self._delay_slots()
        queue_spikes = {
            s.src.name
            for s in self.synapse_populations.values()
            if s.axonal_delay_steps
        }
        for name in queue_spikes:
            for other in slots.keys() - queue_spikes:
                if slots[name] == slots[other]:
                    raise RuntimeError(f"queues of '{name}' and '{other}' are merged")

    def _delay_slots(self) -> dict[str, int]:
        """Returns {population with a queue: number of its slots}."""
        slots: dict[str, int] = {}
        for s in self.synapse_populations.values():
            for group, steps in (
                (s.trg, s.max_dendritic_delay_timesteps),
                (s.src, s.axonal_delay_steps),
            ):
                if steps:
                    slots[group.name] = max(slots.get(group.name, 1), steps + 1)
        return slots

    def load(self, num_recording_timesteps: int | None = None) -> None:
        if not self._built or self._loaded:
            raise RuntimeError("load a built model, once")
        recorded = self.neuron_populations.values()
        if num_recording_timesteps is None and any(
            group.spike_recording_enabled for group in recorded
        ):
            raise RuntimeError("recording needs num_recording_timesteps")
        self.recording = num_recording_timesteps
        for group in self._groups():
            group.load()
        self._loaded = True

    def unload(self) -> None:
        self.check_loaded()
        for group in self._groups():
            group.unload()
        self._loaded = False

    def _groups(self) -> list[Any]:
        return [
            *self.neuron_populations.values(),
            *self.synapse_populations.values(),
            *self.custom_updates.values(),
        ]

    # ------------------------------------------------------------ running
    def step_time(self) -> None:
        self.check_loaded()
        if self.timestep == 0:
            for group in self.neuron_populations.values():
                group.recorded.clear()
        for neurons in self.neuron_populations.values():
            neurons.refresh_history()
        for synapses in self.synapse_populations.values():
            synapses.propagate()
        for neurons in self.neuron_populations.values():
            neurons.update()
        self.timestep += 1

    def custom_update(self, name: str) -> None:
        self.check_loaded()
        updates = [u for u in self.custom_updates.values() if u.group == name]
        if not updates:
            raise IndexError(name)
        for update in updates:
            update.update()

    def pull_recording_buffers_from_device(self) -> None:
        self.check_loaded()
        if not self.recording or self.timestep % self.recording:
            raise RuntimeError("recordings are read after a whole number of buffers")
        self.pulled = self.recording


def _check_population(name: Any) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise RuntimeError(f"'{name}' is no name of a population")


class _Installation:
    """Properties of the installed library, which a test may set."""

    default_backend = "cuda"


installation = _Installation()


def module() -> ModuleType:
    """Returns the module that stands for ``pygenn``."""
    fake = ModuleType("pygenn")
    fake.__spec__ = ModuleSpec("pygenn", None)
    fake.__version__ = "5.4.0"  # type: ignore[attr-defined]
    fake.GeNNModel = GeNNModel  # type: ignore[attr-defined]
    for source, names in _EXPORTS.items():
        for name in names.split():
            setattr(fake, name, getattr(source, name))
    return fake
