"""Compilers of networks: one per learning rule, and for inference.

Compilers of other packages are imported by name from here as well; they register in the
entry-point group ``ml_genn.compilers``, which is read on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from ml_genn.compilers.registered import registered
from ml_genn.compilers.training_compiler import TrainingCompiler
from ml_genn.lowering import Feedback
from ml_genn.utils.synonyms import module_attribute

if TYPE_CHECKING:
    from ml_genn.compilers.eprop_compiler import EPropCompiler

OWN_PACKAGES = ("ml_genn", "ml_genn_eprop")

__all__ = [
    "BPTTCompiler",
    "CompiledFewSpikeNetwork",
    "CompiledInferenceNetwork",
    "CompiledNetwork",
    "CompiledTrainingNetwork",
    "Compiler",
    "EPropCompiler",
    "EventPropCompiler",
    "Feedback",
    "FewSpikeCompiler",
    "InferenceCompiler",
    "TrainingCompiler",
]


def own_compilers() -> frozenset[str]:
    """Returns the names of the compilers of ml_genn and its own packages."""
    points = registered().items()
    own = [n for n, p in points if p.module.partition(".")[0] in OWN_PACKAGES]
    return frozenset([*own, *(name for name in __all__ if name.endswith("Compiler"))])


def _attribute(name: str) -> Any:
    """Returns a registered compiler, or an object by another library's name."""
    if not name.startswith("_"):
        points = registered()
        if name in points:
            return points[name].load()
    return module_attribute(__name__, name)


if not TYPE_CHECKING:
    __getattr__ = _attribute
