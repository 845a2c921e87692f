"""Keeps what was measured, so that nothing is measured twice."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from frameworks import FRAMEWORKS, Setting
from workers import Measured, rounds

Subjects = Mapping[str, tuple[str, Setting]]


class Lab:
    """Measures frameworks in turn.

    Args:
        names: which of ``FRAMEWORKS``; those that are not installed are skipped.
        repeats: rounds.
    """

    def __init__(self, names: Sequence[str], repeats: int) -> None:
        self.versions = {name: FRAMEWORKS[name].version() for name in names}
        self.skipped = [name for name, found in self.versions.items() if found is None]
        self.repeats = repeats
        self.records: list[dict[str, Any]] = []
        self._known: dict[tuple[Setting, tuple[str, ...]], dict[str, Measured]] = {}

    def names(self, training: bool) -> list[str]:
        """Frameworks that are installed and train, or infer."""
        present = [name for name in self.versions if name not in self.skipped]
        chosen = {k: FRAMEWORKS[k] for k in present}
        return [k for k, f in chosen.items() if (f.trains if training else f.infers)]

    def measure(
        self, setting: Setting, names: Sequence[str] | None = None
    ) -> dict[str, Measured]:
        """Frameworks in one setting, in turn.

        Args:
            setting: sizes.
            names: which of those that can; None (default) for all.
        """
        able = self.names(setting.training)
        chosen = tuple(name for name in able if names is None or name in names)
        if (setting, chosen) not in self._known:
            subjects = {name: (name, setting) for name in chosen}
            self._known[setting, chosen] = self.compare(subjects)
        return self._known[setting, chosen]

    def compare(self, subjects: Subjects) -> dict[str, Measured]:
        """Any subjects in turn: {label: (framework, setting)}."""
        print("measuring", *subjects, sep=" | ", file=sys.stderr)
        found = rounds(subjects, self.repeats)
        for label, (name, setting) in subjects.items():
            if error := found[label].error:
                print(f"{label} failed: {error}", file=sys.stderr)
            about = {"framework": name, "setting": asdict(setting)}
            self.records.append(about | found[label].figures())
        return found

    def about(self) -> str:
        """Versions of frameworks, which were skipped, and what else ran."""
        packages = {FRAMEWORKS[k].package: v for k, v in self.versions.items() if v}
        text = ", ".join(f"{name} {version}" for name, version in packages.items())
        text += "".join(f"; {name}: not installed" for name in self.skipped)
        used = [record["others"] for record in self.records if "others" in record]
        if used:
            text += f". Other processes used {statistics.mean(used):.2f} cores"
            text += f" meanwhile, {max(used):.2f} at most"
        return text + "."
