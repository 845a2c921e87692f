"""Neuron populations that emit the spikes of the data, stored as one bit per step."""

from __future__ import annotations

from ml_genn.backends.pygenn.backward import roles
from ml_genn.backends.pygenn.lowering.genn_code import genn_code
from ml_genn.backends.pygenn.lowering.names import (
    DEVICE_STEP,
    FIRED,
    NEXT_FLAGS,
    RASTER,
    SPIKED_FLAG,
    STEP_INDEX,
    arrivals,
)
from ml_genn.backends.pygenn.lowering.neurons.declarations import with_declarations
from ml_genn.backends.pygenn.lowering.records import Array, NeuronPopulation, Variable
from ml_genn.backends.pygenn.online.spike_history import PUSH_SPIKE, spike_history
from ml_genn.model.plan import NeuronGroup, Plan

WORD = 32  #: bits of an element of the raster


def num_words(neurons: int) -> int:
    """Returns the number of elements of the raster for one step of one example."""
    return (neurons + WORD - 1) // WORD


def lower_spike_input(plan: Plan, group: NeuronGroup) -> NeuronPopulation:
    """Returns the population of a group whose spikes come with the data."""
    variables = spike_history(plan, group)
    lines = _spike_code(plan, group)
    if plan.online:
        lines += [PUSH_SPIKE] if variables else []
    elif plan.trains and roles.trained_outgoing(plan, group):
        variables.append(Variable(NEXT_FLAGS, "uint8_t", 0))
        undone = f"{DEVICE_STEP} >= num_steps && bit_"
        lines.append(f"{NEXT_FLAGS} = {undone} ? {SPIKED_FLAG} : 0;")
    lines, dynamic = with_declarations(plan, lines)
    words = num_words(group.size)
    ports = {s.port for s in plan.incoming(group.name) if s.delivers}
    return NeuronPopulation(
        name=group.name,
        size=group.size,
        code=genn_code(lines, f"Population '{group.name}'"),
        threshold=FIRED,
        parameters=dict.fromkeys(dynamic, 1.0),
        dynamic=dynamic,
        variables=tuple(variables),
        arrays=(Array(RASTER, "uint32_t", lambda steps, batch: steps * batch * words),),
        inputs=tuple(arrivals(port) for port in sorted(ports)),
        records_spikes=True,
    )


def _spike_code(plan: Plan, group: NeuronGroup) -> list[str]:
    """Returns statements that read the bit of a neuron.

    In the backward pass they read the bit of the previous time step, since synapses
    read flags one device step after neurons write them.
    """
    words = num_words(group.size)
    bit = (
        f"({RASTER}[(row_ * num_batch + batch) * {words} + id / {WORD}] "
        f"& (1U << (id % {WORD}))) != 0"
    )
    if plan.online:
        fired = f"{DEVICE_STEP} < num_steps && {bit}"
    elif not plan.trains:
        fired = bit
    else:
        row = f"{DEVICE_STEP} < num_steps ? {DEVICE_STEP} : {STEP_INDEX} - 1"
        return [
            f"const int row_ = {row};",
            "bool bit_ = false;",
            f"if (row_ >= 0) {{ bit_ = {bit}; }}",
            f"const bool {FIRED} = {DEVICE_STEP} < num_steps && bit_;",
        ]
    return [f"const int row_ = {DEVICE_STEP};", f"const bool {FIRED} = {fired};"]
