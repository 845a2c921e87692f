"""The same network in ml_genn and in other frameworks, by name.

Each module has a function ``make_network(setting, **options)`` that makes the network
and its batch, a `BenchmarkNetwork`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from frameworks.setting import BenchmarkNetwork, Setting


@dataclass(frozen=True)
class Framework:
    """Framework, or one of its programs.

    Args:
        module: its module in this package.
        package: the distribution that has to be installed.
        options: options of ``make_network``.
        trains, infers: True if it takes part in training, in inference.
    """

    module: str
    package: str = "ml_genn"
    options: Mapping[str, Any] = field(default_factory=dict)
    trains: bool = True
    infers: bool = True

    def version(self) -> str | None:
        """Returns the version of the package; None where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    def network(self, setting: Setting) -> BenchmarkNetwork:
        """Returns the network with its batch."""
        module = import_module(f"frameworks.{self.module}")
        network: BenchmarkNetwork = module.make_network(setting, **self.options)
        return network


def _trained_by(rule: str) -> Framework:
    return Framework("ml_genn_network", options={"rule": rule}, infers=False)


ML_GENN: dict[str, Framework] = {
    "EventProp": _trained_by("EventProp"),
    "e-prop": _trained_by("e-prop"),
    "BPTT": _trained_by("BPTT"),
    "BPTT, B_th = 0.9": _trained_by("BPTT, B_th = 0.9"),
    "inference": Framework(
        "ml_genn_network", options={"rule": "inference"}, trains=False
    ),
}
PEERS: dict[str, Framework] = {
    "torch, unbind": Framework("torch_loop", "torch"),
    "snnTorch": Framework("snntorch_loop", "snntorch"),
    "Norse": Framework("norse_layers", "norse"),
    "Spyx": Framework("spyx_layers", "spyx"),
    "SpikingJelly": Framework("spikingjelly_layers", "spikingjelly"),
}
#: Compilation takes a minute; on a processor the step is no faster.
COMPILED = {"torch, compiled": Framework("torch_loop", "torch", {"compiled": True})}
#: Slower than e-prop in reverse time; its memory does not grow with T.
ONLINE = {"e-prop, online": _trained_by("e-prop, online")}
#: CUDA kernels for this one network; they need a GPU.
HAND_WRITTEN = {"hand-written": Framework("hand_written", "cupy-cuda12x", infers=False)}
FRAMEWORKS = ML_GENN | PEERS | ONLINE | COMPILED | HAND_WRITTEN

__all__ = ["FRAMEWORKS", "ML_GENN", "PEERS", "BenchmarkNetwork", "Framework", "Setting"]
