r"""Derivation of forward steps and adjoints from equations, in SymPy.

A system of a neuron and its synapses has the state x, the dynamics :math:`x' = f(x)`, a
threshold expression :math:`\vartheta(x)` and a jump :math:`x \to J(x)` where
:math:`\vartheta(x) \ge 0` after a step. With the loss L and the adjoint
:math:`\lambda = dL/dx`, the modules derive, in this order:

``symbolic_system``
    the exact step :math:`x_{n+1} = F(x_n)` between spikes;
``adjoint_step``
    its adjoint :math:`\lambda_n = (\partial F / \partial x)^T \lambda_{n+1}`, which is
    the same under every learning rule;
``event_prop``, ``surrogate``
    jumps of the adjoint at spikes, and the error backpropagated through synapses;
``eligibility``
    state variables with an eligibility trace (e-prop, learning online);
``adjoint``, ``derive``
    everything put together.

``c_code`` prints C; ``records`` holds values of the forward pass that the backward pass
reads at spikes. `ml_genn.model.spike_gradients` says which learning rule uses which.
"""

__all__: list[str] = []
