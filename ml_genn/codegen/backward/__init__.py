"""Code of the backward pass, in reverse time.

In each step `backprop` passes gradients from targets back to spikes or active neurons
(over the synapses of one neuron: `synapse_backward`), `spike_adjoint` changes adjoints
at these neurons, and `adjoint_step` steps the adjoints of all neurons and stores what
synapses into them will read. After a block of steps `weight_gradients` sums the
gradients of dense synapses. `lazy_adjoints` leaves out steps of adjoints that are zero
or follow a common matrix; `backward_step` puts all together.
"""

__all__: list[str] = []
