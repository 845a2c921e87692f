"""Loss and metrics by name, for callbacks and histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ml_genn.errors import ValidationError, unknown_name

VALIDATION = "val_"  #: prefix of the names of validation

#: {name of a metric: its name in logs}. Accuracies of labels and of one-hot targets
#: have one name, so that scripts and callbacks need not know the form of the targets.
#: A name that ends with another one comes before it.
SHORT_NAMES = {
    "sparse_top_k_categorical_accuracy": "top_k_accuracy",
    "top_k_categorical_accuracy": "top_k_accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "acc": "accuracy",
    "mean_square_error": "mse",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
}


def short_name(name: str) -> str:
    """Returns the name in logs of a metric, whose name a prefix may precede.

    Args:
        name: a key of `SHORT_NAMES`, such a key after words and an underscore, or any
            other name, which is returned as it is.
    """
    for full, short in SHORT_NAMES.items():
        if name == full or name.endswith(f"_{full}"):
            return f"{name.removesuffix(full)}{short}"
    return name


class Logs(dict[str, Any]):
    """Dictionary whose keys are also found by other names.

    Any word of a key but the last may be omitted: ``"error"`` is the entry "my_error",
    provided that no other key ends so. ``"val_sparse_categorical_accuracy"`` is the
    entry "val_accuracy", as in `SHORT_NAMES`.

    Raises:
        UnknownNameError: if no key, or more than one, is meant.
    """

    def __missing__(self, name: str) -> Any:
        key = self._key(name)
        if key is None:
            raise unknown_name("loss or metric", name, self)
        return self[key]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or self._key(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        """Returns the entry of a name, or a default."""
        key = name if super().__contains__(name) else self._key(name)
        return default if key is None else self[key]

    def _key(self, name: object) -> str | None:
        """Returns the key that is meant by a name that is no key; None without one."""
        if not isinstance(name, str):
            return None
        short = short_name(name)
        if super().__contains__(short):
            return short
        matches = [key for key in self if _abbreviates(short, key)]
        return matches[0] if len(matches) == 1 else None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Loss or metric that is in the logs of each epoch.

    Args:
        prefix: ``"val_"`` for validation, else empty.
        output: name of the output; None for the loss.
        name: name in the logs, without the prefix.
        aliases: further names, without prefix and output.
        higher_is_better: False for losses and errors; None if it is not known.
    """

    prefix: str
    output: str | None
    name: str
    aliases: frozenset[str]
    higher_is_better: bool | None


class LogNames:
    """Names of the losses and metrics that callbacks can monitor.

    Args:
        entries: all of them.
        prefix: prefix that names may omit: ``"val_"`` for callbacks of validation, else
            empty.
    """

    def __init__(self, entries: Sequence[LogEntry], prefix: str = "") -> None:
        self._entries = entries
        self._prefix = prefix

    def find(
        self, where: str, monitor: str, mode: str, output: str | None = None
    ) -> tuple[str, bool]:
        """Returns the full name of a loss or metric, and True if higher is better.

        Args:
            where: callback, for error messages.
            monitor: name, abbreviation or alias, with the prefix or without it.
            mode: "min", "max", or "auto" for what the metric says.
            output: name of the output; None (default) for the only one.

        Raises:
            UnknownNameError: if there is no such loss or metric.
            ValidationError: if there are several, or the metric does not say which
                values are better.
        """
        entry = self._entry(where, monitor, output)
        if mode != "auto":
            return f"{entry.prefix}{entry.name}", mode == "max"
        if entry.higher_is_better is None:
            raise ValidationError(
                f"{where}: mode='auto' needs a metric that says which values are "
                f"better, and '{entry.name}' does not. Give mode='min' or mode='max', "
                "or set HIGHER_IS_BETTER in the class of the metric."
            )
        return f"{entry.prefix}{entry.name}", entry.higher_is_better

    def _entry(self, where: str, monitor: str, output: str | None) -> LogEntry:
        prefix = VALIDATION if monitor.startswith(VALIDATION) else self._prefix
        bare = monitor.removeprefix(VALIDATION)
        short = short_name(bare)
        entries = [
            e
            for e in self._entries
            if e.prefix == prefix and (None in (output, e.output) or e.output == output)
        ]
        matches: tuple[Callable[[LogEntry], bool], ...] = (
            lambda e: bare == e.name,
            lambda e: bare in e.aliases,
            lambda e: short == e.name,
            lambda e: _abbreviates(short, e.name),
        )
        for match in matches:
            matching = [e for e in entries if match(e)]
            if len(matching) == 1:
                return matching[0]
            if matching:
                names = [f"{prefix}{e.name}" for e in matching]
                raise ValidationError(
                    f"{where}: '{monitor}' is measured {len(names)} times. Use one of "
                    f"the names {', '.join(names)}."
                )
        known = {
            f"{e.prefix}{name}" for e in self._entries for name in (e.name, *e.aliases)
        }
        error = unknown_name("loss or metric", monitor, known, where=where)
        if prefix and not entries:
            error.args = (
                f"{error} Validation needs data: train(..., validation_split=0.1), or "
                f"validation_x and validation_y. monitor='{bare}' follows training.",
            )
        raise error


def _abbreviates(name: str, key: str) -> bool:
    """True if a name is made of words of a key in their order, with the last one."""
    if name.startswith(VALIDATION) != key.startswith(VALIDATION):
        return False
    words, abbreviation = key.split("_"), name.split("_")
    remaining = iter(words)
    return abbreviation[-1] == words[-1] and all(w in remaining for w in abbreviation)
