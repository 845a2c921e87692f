"""Parameters and arguments of generated functions.

Names in generated text end with an underscore where they are not those of a plan, so
that they differ from all names in a neuron's code:

    call_       what Python asks for: numbers, arrays, targets (``Call``)
    slot_       where an example lives while it runs: state, tapes (``Slot``)
    example_    index of the example in the batch
    t_          time step
    j_          neuron; in loops over synapses the source
    entry_      place of neuron ``j_`` in the list of spikes, or active neurons
    synapse_    index of a synapse's weight and gradient
    target_     neuron that a synapse leads to
"""

from __future__ import annotations

from ml_genn.codegen.writer import CodeWriter

EXAMPLE_PARAMETERS = "const Call &call_, Slot &slot_, int64_t example_"
EXAMPLE_ARGUMENTS = "call_, slot_, example_"
STEP_PARAMETERS = f"{EXAMPLE_PARAMETERS}, int64_t t_"
STEP_ARGUMENTS = f"{EXAMPLE_ARGUMENTS}, t_"

#: One of several threads that split the neurons of an example.
MEMBER_PARAMETERS = "int member_, int members_"
MEMBER_ARGUMENTS = "member_, members_"

#: Gradients, and one of several teams of threads that split the spikes of a step.
TEAM_PARAMETERS = "float *const *gradients_, int team_, int teams_"
TEAM_ARGUMENTS = "gradients_, MLG_TEAM, MLG_TEAMS"


def unused(writer: CodeWriter, *names: str) -> None:
    """Emits code that marks parameters as used, so that compilers do not warn."""
    writer.line(", ".join(f"(void){name}" for name in names) + ";")
