"""Equations of neurons and synapses, and systems made of both."""

from ml_genn.model.equations.specs import (
    DT,
    EXPONENTIAL_EULER,
    INPUT,
    LINEAR_EULER,
    RESERVED,
    SOLVERS,
    THRESHOLD_EXPRESSION,
    WEIGHT,
    NeuronEquations,
    SynapseEquations,
    Variable,
    variables_from,
)

__all__ = [
    "DT",
    "EXPONENTIAL_EULER",
    "INPUT",
    "LINEAR_EULER",
    "RESERVED",
    "SOLVERS",
    "THRESHOLD_EXPRESSION",
    "WEIGHT",
    "NeuronEquations",
    "SynapseEquations",
    "Variable",
    "variables_from",
]
