"""Code of a time step forward: input, neurons, spikes, results and losses.

``advance`` delivers spikes (`delivery`) and frames (`analog_input`) to the ports of
populations and steps their neurons (`neuron_step`); ``fire`` lists spikes and resets
(`spike_emission`) and takes the losses of the step; ``finish`` (`losses`) computes
results at the end of an example. `forward_step` puts these together.
"""

__all__: list[str] = []
