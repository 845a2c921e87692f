"""Initializers: distributions of weights, delays, parameters and initial states."""

from ml_genn.initializers.fluctuation_driven import FluctuationDriven
from ml_genn.initializers.initializer import Initializer
from ml_genn.initializers.normal import Normal
from ml_genn.initializers.uniform import Uniform
from ml_genn.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
)
from ml_genn.initializers.wrapper import Wrapper
from ml_genn.utils.module import aliases
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of the initializers that need no arguments.
default_initializers: dict[str, type[Initializer]] = aliases(
    FluctuationDriven,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    Normal,
    Uniform,
)

__all__ = [
    "FluctuationDriven",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LeCunNormal",
    "Normal",
    "Uniform",
    "Wrapper",
    "default_initializers",
]

answer_names_of(__name__)
