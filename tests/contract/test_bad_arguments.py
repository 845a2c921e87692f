"""Every argument of everything that users call, with values that do not fit.

A value is accepted or refused with an error of ours; numbers that are not finite, and
masked arrays, are never accepted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.bad_values import NOT_FINITE, UNUSUAL
from contract.subjects import Subject, subjects

from ml_genn.errors import MlGennError

VALUES = {**NOT_FINITE, **UNUSUAL}


def mistakes(subject: Subject) -> Iterator[str]:
    """Yields calls with an error that is not ours, or that should have failed."""
    for parameter in subject.parameters:
        for name, value in VALUES.items():
            case = f"{subject.name}({parameter}={name})"
            try:
                subject.call(**{**subject.valid, parameter: value()})
            except MlGennError:
                continue
            except Exception as error:
                yield f"{case}: {type(error).__name__}: {str(error)[:200]}"
                continue
            if name in NOT_FINITE and not subject.accepts_anything(parameter):
                yield f"{case} was accepted"


@pytest.mark.parametrize("subject", subjects(), ids=lambda s: s.name)
def test_bad_arguments_raise_errors_of_ours(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not list(mistakes(subject))
