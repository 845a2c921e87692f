"""Initializers: distributions of weights, delays, parameters and initial states."""

from ml_genn.initializers.initializer import Initializer
from ml_genn.initializers.normal import Normal
from ml_genn.initializers.uniform import Uniform
from ml_genn.initializers.wrapper import Wrapper
from ml_genn.utils.module import aliases

#: {name: class} of the initializers that need no arguments.
default_initializers: dict[str, type[Initializer]] = aliases(Normal, Uniform)

__all__ = ["Initializer", "Normal", "Uniform", "Wrapper", "default_initializers"]
