"""Compilers of networks: one per learning rule, and for inference.

Compilers of other packages are imported by name from here as well; they register in the
entry-point group ``ml_genn.compilers``, which is read on first use.
"""

from __future__ import annotations

from typing import Any

from ml_genn.compiled.network import CompiledNetwork
from ml_genn.compiled.training import CompiledTrainingNetwork
from ml_genn.compilers.bptt_compiler import BPTTCompiler
from ml_genn.compilers.compiler import Compiler
from ml_genn.compilers.event_prop_compiler import EventPropCompiler
from ml_genn.compilers.few_spike_compiler import (
    CompiledFewSpikeNetwork,
    FewSpikeCompiler,
)
from ml_genn.compilers.inference_compiler import (
    CompiledInferenceNetwork,
    InferenceCompiler,
)
from ml_genn.compilers.training_compiler import TrainingCompiler
from ml_genn.errors import unknown_name
from ml_genn.lowering import Feedback

GROUP = "ml_genn.compilers"
OWN_PACKAGES = ("ml_genn", "ml_genn_eprop")

__all__ = [
    "BPTTCompiler",
    "CompiledFewSpikeNetwork",
    "CompiledInferenceNetwork",
    "CompiledNetwork",
    "CompiledTrainingNetwork",
    "Compiler",
    "EventPropCompiler",
    "Feedback",
    "FewSpikeCompiler",
    "InferenceCompiler",
    "TrainingCompiler",
]


def _registered() -> dict[str, Any]:
    """Returns {name: entry point} of the compilers that packages register."""
    from importlib.metadata import entry_points  # slow to import

    return {point.name: point for point in entry_points(group=GROUP)}


def own_compilers() -> frozenset[str]:
    """Returns the names of the compilers of ml_genn and its own packages."""
    registered = _registered().items()
    own = [n for n, p in registered if p.module.partition(".")[0] in OWN_PACKAGES]
    return frozenset([*own, *(name for name in __all__ if name.endswith("Compiler"))])


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    registered = _registered()
    if name in registered:
        return registered[name].load()
    known = {*__all__, *registered}
    message = str(unknown_name("compiler", name, known, where=__name__))
    raise AttributeError(message)
