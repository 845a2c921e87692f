"""The plan of a network: everything that a backend runs, as frozen records.

A plan holds structure only. Numbers (weights, parameters, initial values, the time
step) travel beside it in `PlanValues`, so that changing one needs no build. Code is C
over plain names; backends add loads and stores. ``print(plan)`` shows every field.
"""

from ml_genn.model.plan.adjoint import Adjoint, PortAdjoint, SurrogateAdjoint
from ml_genn.model.plan.code import NO_CODE, Code, Constant, StateVariable
from ml_genn.model.plan.formats import CSR, DENSE, SharedKernelFormat, SynapseFormat
from ml_genn.model.plan.neurons import Derivation, LearnedParameter, NeuronGroup, Port
from ml_genn.model.plan.outputs import WINDOW_CONSTANTS, Loss, Readout, Sensitivity
from ml_genn.model.plan.plan import Plan
from ml_genn.model.plan.synapses import Delay, SynapseGroup
from ml_genn.model.plan.updates import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    MAX_SAFE_NUMBER,
    MAX_STORED_NUMBER,
    SAFE_SCALARS,
    SIGN,
    Learned,
    LearnedKind,
    OptimiserUpdate,
)
from ml_genn.model.plan.values import PlanValues

__all__ = [
    "CSR",
    "DENSE",
    "GLOBAL_NORM",
    "GRADIENT_NORM",
    "MAX_SAFE_NUMBER",
    "MAX_STORED_NUMBER",
    "NO_CODE",
    "SAFE_SCALARS",
    "SIGN",
    "WINDOW_CONSTANTS",
    "Adjoint",
    "Code",
    "Constant",
    "Delay",
    "Derivation",
    "Learned",
    "LearnedKind",
    "LearnedParameter",
    "Loss",
    "NeuronGroup",
    "OptimiserUpdate",
    "Plan",
    "PlanValues",
    "Port",
    "PortAdjoint",
    "Readout",
    "Sensitivity",
    "SharedKernelFormat",
    "StateVariable",
    "SurrogateAdjoint",
    "SynapseFormat",
    "SynapseGroup",
]
