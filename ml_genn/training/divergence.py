"""Errors about batches with numbers that are not finite.

Messages count epochs and batches from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ml_genn.errors import DivergedError
from ml_genn.model.batch import Divergence
from ml_genn.model.plan import MAX_STORED_NUMBER, Learned, LearnedKind

SHOWN = 3  #: populations, connections or gradients that a message lists


def evaluation_error(
    divergence: Divergence, epoch: int | None, batch: int | None
) -> DivergedError:
    """Returns the error of a batch that was evaluated, whose outputs are no result.

    Args:
        divergence: numbers that are not finite.
        epoch: number of the epoch; None where there are no epochs.
        batch: number of the batch; None for a batch without number.
    """
    numbers = {"epoch": epoch, "batch": batch}
    where = [f", {name} {n + 1}" for name, n in numbers.items() if n is not None]
    return DivergedError(
        f"Evaluation{''.join(where)}: {problem(divergence)}, so the outputs have no "
        "meaning. Check weights, time constants, equations and inputs of the "
        "populations, which overflow or divide by zero; a VarRecorder shows in which "
        "time step.",
        batch,
    )


def training_error(
    divergence: Divergence, epoch: int | None, batch: int
) -> DivergedError:
    """Returns the error of a batch that took no step.

    Args:
        divergence: numbers that are not finite.
        epoch, batch: numbers of the epoch, 0 for None, and of the batch in it.
    """
    return DivergedError(
        f"Training: {problem(divergence)} in epoch {(epoch or 0) + 1}, batch "
        f"{batch + 1}. The weights are those before this batch."
        f"{largest_gradients(divergence)} "
        f"{_remedy(divergence)}",
        batch,
    )


def not_finite(gradients: Mapping[Learned, np.ndarray]) -> Divergence | None:
    """Returns the divergence of gradients; None if all are finite."""
    largest = {a: float(np.abs(g).max(initial=0.0)) for a, g in gradients.items()}
    finite = np.isfinite([*largest.values()]).all()
    return None if finite else Divergence(gradients=largest)


def gradient_error(divergence: Divergence) -> DivergedError:
    """Returns the error of gradients that are not finite."""
    return DivergedError(
        f"gradients: {problem(divergence)}.{largest_gradients(divergence)} "
        f"{_remedy(divergence)}"
    )


def problem(divergence: Divergence) -> str:
    """Returns a clause that says what is not finite, without a full stop."""
    not_finite = "is not a finite number"
    if divergence.groups:
        noun = "populations" if len(divergence.groups) > 1 else "population"
        clause = f"the state of {noun} {_quoted(divergence.groups)} {not_finite}"
        return f"the loss {not_finite}, and {clause}" if divergence.loss else clause
    if divergence.loss:
        return f"the loss {not_finite}"
    if divergence.in_other_process:
        return f"the loss or a state {not_finite} in another process"
    if divergence.steps:
        numbers = f"numbers of {_arrays(divergence.steps)}"
        return f"the optimiser's step makes {numbers} exceed {MAX_STORED_NUMBER:g}"
    bad = _arrays(_bad_gradients(divergence))
    return f"the gradient of {bad or 'all weights together'} {not_finite}"


def largest_gradients(divergence: Divergence) -> str:
    """Returns a sentence with the largest gradients; empty if there are none."""
    largest = sorted(divergence.gradients.items(), key=lambda item: -_rank(item[1]))
    if not largest:
        return ""
    values = ", ".join(f"{value:.3g} ('{a}')" for a, value in largest[:SHOWN])
    return f" The largest absolute gradients are {values}."


def _rank(value: float) -> float:
    """Returns a number that orders gradients; NaN is the largest."""
    return float("inf") if value != value else value


def _bad_gradients(divergence: Divergence) -> list[Learned]:
    limit = float("inf")
    return [a for a, value in divergence.gradients.items() if not value < limit]


def _remedy(divergence: Divergence) -> str:
    if divergence.groups:
        return (
            "Try a smaller learning rate (Adam(alpha=...)) or smaller initial weights, "
            "and check time constants, equations and inputs of the population."
        )
    if divergence.loss or divergence.in_other_process:
        return (
            "Try a smaller learning rate (Adam(alpha=...)), smaller initial weights, "
            "or check the targets."
        )
    if divergence.steps:
        return (
            "Try a smaller learning rate (Adam(alpha=...)) or gradient clipping "
            "(Adam(clip_norm=1.0))."
        )
    return (
        "Try smaller initial weights, above all of recurrent connections, shorter "
        "examples, other time constants, or a smaller learning rate "
        "(Adam(alpha=...)) with gradient clipping (Adam(clip_norm=1.0))."
    )


def _arrays(arrays: Sequence[Learned]) -> str:
    return " and of ".join(_array(array) for array in arrays[:SHOWN])


def _array(array: Learned) -> str:
    if array.kind is LearnedKind.PARAMETER:
        return f"parameter '{array.name}' of population '{array.owner}'"
    return f"the {array.kind.value}s of connection '{array.owner}'"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in [*names][:SHOWN])
