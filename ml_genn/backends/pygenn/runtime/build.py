"""Construction of a PyGeNN model from records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_genn.backends.pygenn.lowering.records import (
    CustomUpdate,
    LoweredModel,
    NeuronPopulation,
    Reference,
    SynapsePopulation,
    Variable,
)
from ml_genn.backends.pygenn.runtime.delay_slots import (
    additional_steps,
    dendritic_steps,
)


@dataclass(frozen=True, slots=True, eq=False)
class BuiltModel:
    """A PyGeNN model and its groups, by the names of their records.

    Args:
        model: the model.
        neurons, synapses, updates: {name of a record: PyGeNN group}.
        code_models: models of neurons, weight updates and custom updates. Groups hold
            pointers to them that do not keep them alive.
    """

    model: Any
    neurons: Mapping[str, Any]
    synapses: Mapping[str, Any]
    updates: Mapping[str, Any]
    code_models: Sequence[Any]


def genn_names(names: Iterable[str]) -> dict[str, str]:
    """Returns {name: name that GeNN accepts}: letters, digits, underscores, unique."""
    accepted: dict[str, str] = {}
    for name in names:
        plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
        candidate, k = plain, 1
        while candidate in accepted.values():
            candidate, k = f"{plain}_{k}", k + 1
        accepted[name] = candidate
    return accepted


def build(pygenn: Any, model: Any, lowered: LoweredModel) -> BuiltModel:
    """Adds all populations and custom updates to a model.

    Args:
        pygenn: the library.
        model: an empty ``GeNNModel``.
        lowered: the records.
    """
    groups = lowered.neurons, lowered.synapses, lowered.updates
    names = genn_names(record.name for records in groups for record in records)
    builder = _Builder(pygenn, model, names, additional_steps(lowered))
    for neurons in lowered.neurons:
        builder.add_neurons(neurons)
    for synapses in lowered.synapses:
        builder.add_synapses(synapses)
    for update in lowered.updates:
        builder.add_update(update)
    return BuiltModel(
        model, builder.neurons, builder.synapses, builder.updates, builder.code_models
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Builder:
    """Calls of PyGeNN.

    Args:
        pygenn: the library.
        model: the model.
        names: {name of a record: name in GeNN}.
        additional_steps: {population: steps to add to its delay queues}.

    Attributes:
        neurons, synapses, updates, code_models: as in `BuiltModel`.
    """

    pygenn: Any
    model: Any
    names: Mapping[str, str]
    additional_steps: Mapping[str, int]
    neurons: dict[str, Any] = field(default_factory=dict, init=False)
    synapses: dict[str, Any] = field(default_factory=dict, init=False)
    updates: dict[str, Any] = field(default_factory=dict, init=False)
    code_models: list[Any] = field(default_factory=list, init=False)

    def add_neurons(self, record: NeuronPopulation) -> None:
        name = self.names[record.name]
        neuron_model = self.pygenn.create_neuron_model(
            name,
            params=list(record.parameters),
            vars=self._declarations(record.variables, "VarAccess"),
            sim_code=_code(record.code),
            threshold_condition_code=record.threshold,
            extra_global_params=[(a.name, f"{a.type}*") for a in record.arrays],
            additional_input_vars=[(i, "scalar", 0.0) for i in record.inputs],
        )
        self.code_models.append(neuron_model)
        group = self.model.add_neuron_population(
            name,
            record.size,
            neuron_model,
            dict(record.parameters),
            _initial_values(record.variables),
        )
        for parameter in record.dynamic:
            group.set_param_dynamic(parameter)
        group.spike_recording_enabled = record.records_spikes
        self.neurons[record.name] = group

    def add_synapses(self, record: SynapsePopulation) -> None:
        group = self.model.add_synapse_population(
            self.names[record.name],
            record.matrix,
            self.neurons[record.source],
            self.neurons[record.target],
            self._weight_update(record),
            self.pygenn.init_postsynaptic("DeltaCurr"),
            *self._connectivity(record),
        )
        group.post_target_var = record.post_target
        if record.pre_target is not None:
            group.pre_target_var = record.pre_target
        if record.axonal_delay:
            group.axonal_delay_steps = record.axonal_delay
        steps = dendritic_steps(record)
        if steps is not None:
            steps += self.additional_steps.get(record.target, 0)
            group.max_dendritic_delay_timesteps = steps
        for parameter in record.dynamic:
            group.set_wu_param_dynamic(parameter)
        if record.indices is not None:
            group.set_sparse_connections(*record.indices)
        self.synapses[record.name] = group

    def _weight_update(self, record: SynapsePopulation) -> Any:
        source, target = self.neurons[record.source], self.neurons[record.target]
        read_only = self.pygenn.VarAccessMode.READ_ONLY
        declared, references = [], []
        for population, refs in (
            (source, record.source_refs),
            (target, record.target_refs),
        ):
            declared.append([(n, type_, read_only) for n, (type_, _) in refs.items()])
            references.append(
                {
                    n: self.pygenn.create_var_ref(population, v)
                    for n, (_, v) in refs.items()
                }
            )
        weight_update_model = self.pygenn.create_weight_update_model(
            self.names[record.name],
            params=list(record.parameters),
            vars=self._declarations(record.variables, "VarAccess"),
            pre_neuron_var_refs=declared[0],
            post_neuron_var_refs=declared[1],
            pre_spike_syn_code=_code(record.spike_code),
            pre_event_syn_code=_code(record.event_code),
            pre_event_threshold_condition_code=record.event_condition,
            synapse_dynamics_code=_code(record.step_code),
        )
        self.code_models.append(weight_update_model)
        return self.pygenn.init_weight_update(
            weight_update_model,
            dict(record.parameters),
            self._synaptic_values(record),
            pre_var_refs=references[0],
            post_var_refs=references[1],
        )

    def _synaptic_values(self, record: SynapsePopulation) -> dict[str, Any]:
        """Returns {name: number, or array}.

        For variables of each example PyGeNN takes an array (examples, synapses) if the
        matrix is SPARSE.
        """
        values = _initial_values(record.variables)
        batch_size = self.model.batch_size
        if record.indices is not None and batch_size > 1:
            for variable in record.variables:
                value = values[variable.name]
                if variable.access == "READ_WRITE" and np.ndim(value):
                    values[variable.name] = np.tile(value, (batch_size, 1))
        return values

    def _connectivity(self, record: SynapsePopulation) -> list[Any]:
        if record.convolution is None:
            return []
        parameters = dict(record.convolution)
        return [self.pygenn.init_toeplitz_connectivity("Conv2D", parameters)]

    def add_update(self, record: CustomUpdate) -> None:
        name = self.names[record.name]
        modes = self.pygenn.VarAccessMode
        update_model = self.pygenn.create_custom_update_model(
            name,
            params=list(record.dynamic),
            vars=self._declarations(record.variables, "CustomUpdateVarAccess"),
            var_refs=[
                (r.name, r.type, getattr(modes, r.access)) for r in record.references
            ],
            update_code=_code(record.code),
        )
        self.code_models.append(update_model)
        group = self.model.add_custom_update(
            name,
            record.group,
            update_model,
            dict(record.dynamic),
            _initial_values(record.variables),
            {r.name: self._reference(r) for r in record.references},
        )
        for parameter in record.dynamic:
            group.set_param_dynamic(parameter)
        self.updates[record.name] = group

    def _reference(self, reference: Reference) -> Any:
        owners = {**self.neurons, **self.synapses, **self.updates}
        create = getattr(self.pygenn, f"create_{reference.kind}_ref")
        variable = [reference.variable] if reference.variable else []
        return create(owners[reference.owner], *variable)

    def _declarations(self, variables: Iterable[Variable], access: str) -> list[Any]:
        members = getattr(self.pygenn, access)
        return [(v.name, v.type, getattr(members, v.access)) for v in variables]


def _code(lines: Iterable[str]) -> str | None:
    """Returns lines as one code string; None if there are none."""
    return "\n".join(lines) or None


def _initial_values(variables: Iterable[Variable]) -> dict[str, Any]:
    """Returns {name: number, or flat array}."""
    return {
        v.name: v.value.reshape(-1) if np.ndim(v.value) else float(v.value)
        for v in variables
    }
