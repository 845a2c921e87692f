"""The same network in ml_genn and in other frameworks, by name.

Each module has a function ``subject(setting, **options)`` that makes the network and
its batch: a `Subject`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from frameworks.setting import Setting, Subject


@dataclass(frozen=True)
class Framework:
    """How a subject is made.

    Args:
        module: its module in this package.
        package: the distribution that has to be installed.
        options: options of the module's function.
        trains, infers: whether it takes part in training and in inference.
    """

    module: str
    package: str = "ml_genn"
    options: Mapping[str, Any] = field(default_factory=dict)
    trains: bool = True
    infers: bool = True

    def version(self) -> str | None:
        """Version of the package; None where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    def subject(self, setting: Setting) -> Subject:
        """The network and its batch."""
        found = import_module(f"frameworks.{self.module}")
        made: Subject = found.subject(setting, **self.options)
        return made


def _rule(name: str) -> Framework:
    return Framework("ours", options={"rule": name}, infers=False)


OURS: dict[str, Framework] = {
    "EventProp": _rule("EventProp"),
    "e-prop": _rule("e-prop"),
    "BPTT": _rule("BPTT"),
    "BPTT, B_th = 0.9": _rule("BPTT, B_th = 0.9"),
    "inference": Framework("ours", options={"rule": "inference"}, trains=False),
}
PEERS: dict[str, Framework] = {
    "torch, unbind": Framework("torch_unbind", "torch"),
    "snnTorch": Framework("snntorch_loop", "snntorch"),
    "Norse": Framework("norse_layers", "norse"),
    "Spyx": Framework("spyx_layers", "spyx"),
    "SpikingJelly": Framework("spikingjelly_layers", "spikingjelly"),
}
#: Takes a minute to compile, and is no faster on a processor.
COMPILED = {"torch, compiled": Framework("torch_unbind", "torch", {"compiled": True})}
#: Slower than e-prop in reverse time; its memory does not grow with T.
ONLINE = {"e-prop, online": _rule("e-prop, online")}
#: Kernels for this one network; they need a GPU.
BY_HAND = {"by hand": Framework("by_hand", "cupy-cuda12x", infers=False)}
FRAMEWORKS = OURS | PEERS | ONLINE | COMPILED | BY_HAND

__all__ = ["FRAMEWORKS", "OURS", "PEERS", "Framework", "Setting", "Subject"]
