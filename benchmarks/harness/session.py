"""Session of measurements: keeps results, so that no setting is measured twice."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from frameworks import FRAMEWORKS, Setting

from harness.workers import TIMEOUT, Candidates, StepMeasurement, measure_candidates


class Session:
    """Measurements of some frameworks.

    Args:
        names: keys of ``FRAMEWORKS``; frameworks that are not installed are skipped.
        repeats: rounds of each measurement.

    Attributes:
        timeout: seconds after which a network that does not answer counts as failed.
    """

    def __init__(self, names: Sequence[str], repeats: int) -> None:
        self.versions = {name: FRAMEWORKS[name].version() for name in names}
        self.skipped = [
            name for name, version in self.versions.items() if version is None
        ]
        self.repeats = repeats
        self.timeout = TIMEOUT
        #: Figures of all measurements, for the file of results.
        self.records: list[dict[str, Any]] = []
        self._measured: dict[
            tuple[Setting, tuple[str, ...]], dict[str, StepMeasurement]
        ] = {}

    def names(self, training: bool) -> list[str]:
        """Returns the installed frameworks that take part in training or inference."""
        installed = [name for name in self.versions if name not in self.skipped]
        frameworks = {k: FRAMEWORKS[k] for k in installed}
        return [
            k for k, f in frameworks.items() if (f.trains if training else f.infers)
        ]

    def measure(
        self, setting: Setting, names: Sequence[str] | None = None
    ) -> dict[str, StepMeasurement]:
        """Measures frameworks in one setting, in turn.

        Args:
            setting: sizes.
            names: frameworks to measure, if able; None (default) for all.
        """
        able = self.names(setting.training)
        chosen = tuple(name for name in able if names is None or name in names)
        if (setting, chosen) not in self._measured:
            candidates = {name: (name, setting) for name in chosen}
            self._measured[setting, chosen] = self.compare(candidates)
        return self._measured[setting, chosen]

    def compare(self, candidates: Candidates) -> dict[str, StepMeasurement]:
        """Measures any networks in turn."""
        print("measuring", *candidates, sep=" | ", file=sys.stderr)
        results = measure_candidates(candidates, self.repeats, self.timeout)
        for label, (name, setting) in candidates.items():
            if error := results[label].error:
                print(f"{label} failed: {error}", file=sys.stderr)
            about = {"framework": name, "setting": asdict(setting)}
            self.records.append(about | results[label].figures())
        return results

    def about(self) -> str:
        """Returns versions, skipped frameworks, and the load of the machine."""
        packages = {FRAMEWORKS[k].package: v for k, v in self.versions.items() if v}
        text = ", ".join(f"{name} {version}" for name, version in packages.items())
        text += "".join(f"; {name}: not installed" for name in self.skipped)
        loads = [r["other_load"] for r in self.records if "other_load" in r]
        if loads:
            text += f". Other processes used {statistics.mean(loads):.2f} cores"
            text += f" meanwhile, {max(loads):.2f} at most"
        return text + "."
