"""Networks of the fuzzer under the sanitizers of addresses and of threads."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
from engine.processes import start
from engine.test_sanitize import library
from fuzz.properties import Fuzzed, Refused

from ml_genn.backends.cpu import toolchain
from ml_genn.codegen.layout import layout

LIBRARIES = {"address": ("libasan.so", "libubsan.so"), "thread": ("libtsan.so",)}
#: signs of a report in the output of a process
REPORTS = ("ERROR: AddressSanitizer", "runtime error", "WARNING: ThreadSanitizer")


def main() -> None:
    """Checks the structures of a range; arguments: the first one, the one after it.

    Small groups are split over threads as well, as only large ones are otherwise.
    """
    os.environ.pop("LD_PRELOAD")  # is for this process, not for the compiler
    warnings.simplefilter("ignore")
    toolchain.IN_PARTS = False
    layout.MIN_NEURONS_TO_SPLIT = 1
    passed = 0
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        try:
            with tempfile.TemporaryDirectory() as folder:
                Fuzzed(seed).check(1, Path(folder))
            passed += 1
        except Refused:
            continue
    print(f"passed {passed}")


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", LIBRARIES)
def test_no_reports(sanitizer: str) -> None:
    libraries = [library(name) for name in LIBRARIES[sanitizer]]
    script = (
        "import sys; sys.argv[1:] = ['200', '212']\n"
        "from fuzz.test_sanitizers import main; main()"
    )
    process = start(
        script,
        ML_GENN_SANITIZE=sanitizer,
        LD_PRELOAD=":".join(libraries),
        ASAN_OPTIONS="detect_leaks=0",
    )
    output, errors = process.communicate(timeout=600)
    for report in REPORTS:
        assert report not in output + errors, errors
    assert process.returncode == 0, errors
    assert int(output.split()[-1]) >= 5, "most structures are refused"


if __name__ == "__main__":
    main()
