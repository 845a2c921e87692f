"""From records to a PyGeNN model: the calls, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.pygenn.lowering.records import (
    Lowering,
    Neurons,
    Reference,
    Synapses,
    Update,
    Variable,
)


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A PyGeNN model and its groups by the plan's names."""

    model: Any
    neurons: Mapping[str, Any]
    synapses: Mapping[str, Any]
    updates: Mapping[str, Any]


def genn_names(names: Iterable[str]) -> dict[str, str]:
    """Names as GeNN takes them: letters, digits and underscores, each used once."""
    found: dict[str, str] = {}
    for name in names:
        plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
        tried, k = plain, 1
        while tried in found.values():
            tried, k = f"{plain}_{k}", k + 1
        found[name] = tried
    return found


def build(pygenn: Any, model: Any, lowering: Lowering) -> Built:
    """Adds all groups of a lowering to a model."""
    parts = lowering.neurons, lowering.synapses, lowering.updates
    names = genn_names(part.name for kind in parts for part in kind)
    builder = _Builder(pygenn, model, names, {}, {}, {})
    for neurons in lowering.neurons:
        builder.add_neurons(neurons)
    for synapses in lowering.synapses:
        builder.add_synapses(synapses)
    for update in lowering.updates:
        builder.add_update(update)
    return Built(model, builder.neurons, builder.synapses, builder.updates)


def _code(lines: Iterable[str]) -> str | None:
    """Lines as one code string; None if there are none."""
    return "\n".join(lines) or None


@dataclass(slots=True, eq=False)
class _Builder:
    pygenn: Any
    model: Any
    names: Mapping[str, str]
    neurons: dict[str, Any]
    synapses: dict[str, Any]
    updates: dict[str, Any]

    def add_neurons(self, part: Neurons) -> None:
        name = self.names[part.name]
        kind = self.pygenn.create_neuron_model(
            name,
            params=list(part.parameters),
            vars=self._declared(part.variables, "VarAccess"),
            sim_code=_code(part.code),
            threshold_condition_code=part.threshold,
            extra_global_params=[(a.name, f"{a.type}*") for a in part.arrays],
            additional_input_vars=[(i, "scalar", 0.0) for i in part.inputs],
        )
        group = self.model.add_neuron_population(
            name, part.size, kind, dict(part.parameters), _values(part.variables)
        )
        for parameter in part.dynamic:
            group.set_param_dynamic(parameter)
        group.spike_recording_enabled = part.recorded
        self.neurons[part.name] = group

    def add_synapses(self, part: Synapses) -> None:
        source, target = self.neurons[part.source], self.neurons[part.target]
        refs = part.source_refs, part.target_refs
        name = self.names[part.name]
        declared = [
            [(n, t, self.pygenn.VarAccessMode.READ_ONLY) for n, (t, _) in r.items()]
            for r in refs
        ]
        kind = self.pygenn.create_weight_update_model(
            name,
            params=list(part.parameters),
            vars=self._declared(part.variables, "VarAccess"),
            pre_neuron_var_refs=declared[0],
            post_neuron_var_refs=declared[1],
            pre_spike_syn_code=_code(part.spike),
            pre_event_syn_code=_code(part.event),
            pre_event_threshold_condition_code=part.event_if,
            synapse_dynamics_code=_code(part.dynamics),
        )
        made = [
            {n: self.pygenn.create_var_ref(end, v) for n, (_, v) in r.items()}
            for end, r in zip((source, target), refs, strict=True)
        ]
        group = self.model.add_synapse_population(
            name,
            part.matrix,
            source,
            target,
            self.pygenn.init_weight_update(
                kind,
                dict(part.parameters),
                _values(part.variables),
                pre_var_refs=made[0],
                post_var_refs=made[1],
            ),
            self.pygenn.init_postsynaptic("DeltaCurr"),
            *self._connectivity(part),
        )
        group.post_target_var = part.into
        if part.back_into is not None:
            group.pre_target_var = part.back_into
        if part.axonal:
            group.axonal_delay_steps = part.axonal
        longest = max(part.dendritic or 0, part.looks_back)
        if longest or part.dendritic is not None:
            group.max_dendritic_delay_timesteps = longest + 1
        for parameter in part.dynamic:
            group.set_wu_param_dynamic(parameter)
        if part.indices is not None:
            group.set_sparse_connections(*part.indices)
        self.synapses[part.name] = group

    def _connectivity(self, part: Synapses) -> list[Any]:
        if part.toeplitz is None:
            return []
        given = dict(part.toeplitz.parameters)
        return [self.pygenn.init_toeplitz_connectivity("Conv2D", given)]

    def add_update(self, part: Update) -> None:
        name = self.names[part.name]
        modes = self.pygenn.VarAccessMode
        kind = self.pygenn.create_custom_update_model(
            name,
            params=list(part.dynamic),
            vars=self._declared(part.variables, "CustomUpdateVarAccess"),
            var_refs=[
                (r.name, r.type, getattr(modes, r.access)) for r in part.references
            ],
            update_code=_code(part.code),
        )
        group = self.model.add_custom_update(
            name,
            part.group,
            kind,
            dict(part.dynamic),
            _values(part.variables),
            {r.name: self._reference(r) for r in part.references},
        )
        for parameter in part.dynamic:
            group.set_param_dynamic(parameter)
        self.updates[part.name] = group

    def _reference(self, reference: Reference) -> Any:
        owners = {**self.neurons, **self.synapses, **self.updates}
        make = getattr(self.pygenn, f"create_{reference.kind}_ref")
        named = [reference.variable] if reference.variable else []
        return make(owners[reference.owner], *named)

    def _declared(self, variables: Iterable[Variable], access: str) -> list[Any]:
        members = getattr(self.pygenn, access)
        return [(v.name, v.type, getattr(members, v.access)) for v in variables]


def _values(variables: Iterable[Variable]) -> dict[str, Any]:
    """Initial values: numbers, or flat arrays."""
    return {
        v.name: v.value.reshape(-1) if np.ndim(v.value) else float(v.value)
        for v in variables
    }
