"""Spiking neural networks, written once and trained or run anywhere.

Sub-packages are imported when they are first used, so that a script imports only what
it needs: ``ml_genn.compilers.BPTTCompiler`` works after ``import ml_genn``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ml_genn.connection import Connection
from ml_genn.module_aliases import install as _install_module_aliases
from ml_genn.network import Network
from ml_genn.population import Population
from ml_genn.sequential import InputLayer, Layer, SequentialNetwork
from ml_genn.utils.synonyms import module_attribute

if TYPE_CHECKING:
    from ml_genn import (
        callbacks,
        communicators,
        compilers,
        connectivity,
        data,
        initializers,
        losses,
        metrics,
        neurons,
        optimisers,
        plot,
        readouts,
        serialisers,
        surrogates,
        synapses,
        utils,
    )
    from ml_genn.saving import load_model, save_model
    from ml_genn.target_rates import scale_weights_to_rate

_install_module_aliases()

__version__ = "0.1.0"

__all__ = [
    "Connection",
    "InputLayer",
    "Layer",
    "Network",
    "Population",
    "SequentialNetwork",
    "callbacks",
    "communicators",
    "compilers",
    "connectivity",
    "data",
    "initializers",
    "load_model",
    "losses",
    "metrics",
    "neurons",
    "optimisers",
    "plot",
    "readouts",
    "save_model",
    "scale_weights_to_rate",
    "serialisers",
    "surrogates",
    "synapses",
    "utils",
]


#: {function that is imported on first use: its module}
_FUNCTIONS = {
    "load_model": "ml_genn.saving",
    "save_model": "ml_genn.saving",
    "scale_weights_to_rate": "ml_genn.target_rates",
}


#: packages that need another library
_OPTIONAL = ("nir", "sklearn")


def _attribute(name: str) -> Any:
    """Returns a public name at its first use."""
    if name in _FUNCTIONS:
        return getattr(import_module(_FUNCTIONS[name]), name)
    if name in __all__ or name in _OPTIONAL:
        return import_module(f"ml_genn.{name}")
    return module_attribute(__name__, name)


if not TYPE_CHECKING:  # type checkers know the names above, and no others
    __getattr__ = _attribute


def __dir__() -> list[str]:
    return sorted({*__all__, *_OPTIONAL})
