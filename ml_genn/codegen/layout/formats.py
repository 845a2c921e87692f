"""Properties of a synapse group that decide which loops its code has."""

from __future__ import annotations

from ml_genn.model.plan import CSR, DENSE, Delay, SynapseGroup


def is_dense(synapses: SynapseGroup) -> bool:
    """True if rows of weights are complete and arrive in one step, so that a spike adds
    a row of vectors."""
    dense = synapses.format == DENSE and not synapses.negates
    return dense and synapses.delay is not Delay.PER_SYNAPSE


def is_shared_convolution(synapses: SynapseGroup) -> bool:
    """True if all channels of a pixel have the same targets and arrive in one step."""
    kernel = synapses.kernel
    shared = kernel is not None and not kernel.channelwise
    return shared and synapses.delay is not Delay.PER_SYNAPSE


def is_csr(synapses: SynapseGroup) -> bool:
    """True if synapses are CSR rows that arrive in one step."""
    return synapses.format == CSR and synapses.delay is not Delay.PER_SYNAPSE


def learns_in_blocks(synapses: SynapseGroup) -> bool:
    """True if weight gradients are summed over a block of steps, neuron by neuron: rows
    of dL/dw are stored until then."""
    return synapses.learn and is_dense(synapses)


def learns_at_spikes(synapses: SynapseGroup) -> bool:
    """True if weight gradients are added at each spike."""
    return synapses.learn and not learns_in_blocks(synapses)
