"""Every argument of everything that users call, with values that do not fit.

A value is accepted or refused with an error of ours; numbers that are not finite, and
masked arrays, are never accepted.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from arguments.bad_values import NOT_FINITE, UNUSUAL
from arguments.subjects import Subject, subjects

from ml_genn.errors import MlGennError

VALUES = {**NOT_FINITE, **UNUSUAL}
#: Values of the fast test: at least one that each way of using an argument stumbles on.
FEW = (
    "nan",
    "1e39",
    "10**400",
    "array with nan",
    "masked array",
    "none",
    "ragged",
    "Fortran order",
    "structured",
    "object",
)
every_subject = pytest.mark.parametrize("subject", subjects(), ids=lambda s: s.name)


def mistakes(subject: Subject, names: Iterable[str]) -> Iterator[str]:
    """Yields calls with an error that is not ours, or that should have failed.

    Args:
        subject: what is called.
        names: names of the values.
    """
    for parameter in subject.parameters:
        for name in names:
            case = f"{subject.name}({parameter}={name})"
            try:
                subject.call(**{**subject.valid, parameter: VALUES[name]()})
            except MlGennError:
                continue
            except Exception as error:
                yield f"{case}: {type(error).__name__}: {str(error)[:200]}"
                continue
            if name in NOT_FINITE and not subject.accepts_anything(parameter):
                yield f"{case} was accepted"


def check(subject: Subject, names: Iterable[str]) -> None:
    """Asserts that a subject makes no mistakes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not list(mistakes(subject, names))
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@every_subject
def test_bad_arguments_raise_errors_of_ours(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check(subject, FEW)


@pytest.mark.slow
@every_subject
def test_all_bad_arguments_raise_errors_of_ours(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check(subject, VALUES)
