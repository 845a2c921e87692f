"""Code generation: from a plan to C++ and CUDA text, without files or compilers.

`program.source` puts the text together. `tables` names sizes, offsets and indices,
which `layout` holds for text and runtime alike. Functions of one population, and those
that run all of them, are in `forward`, `backward` and `online`; optimisers in
`optimiser`. They share loops over neurons split among threads (`parallel_loops`), over
lists of spikes (`spike_list_loops`) and over synapses (`formats`, a class for each
storage format), the loads and stores of one neuron (`neuron_body`), the parameters of
functions (`signatures`) and the names in C (`names`).
The engine's headers (``ml_genn/backends/*/include``) hold all that does not depend on
the plan.
"""

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source

__all__ = ["Layout", "source"]
