"""Training that is killed at any moment goes on from a whole checkpoint."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from engine.processes import start
from saving.saved_nets import assert_equal, make, train

from ml_genn.serialisers import Numpy, Safetensors, Serialiser

PLACES = {"numpy": Numpy, "safetensors": Safetensors}

SCRIPT = """
import numpy as np
from saving.saved_nets import make, train
from ml_genn.callbacks import Checkpoint
from ml_genn.errors import CheckpointError
from ml_genn.serialisers import Numpy, Safetensors

place = {kind}({folder!r})
np.random.seed(7)
compiled = make("deep_r").compile()
try:
    epoch = compiled.resume(place)
except CheckpointError:
    epoch = 0
print("started", epoch, flush=True)
while True:
    train(compiled, 1, epoch, callbacks=[Checkpoint(place)])
    epoch += 1
    print("epoch", epoch, flush=True)
"""


def killed(kind: str, folder: Path, after: float) -> int:
    """Runs the script until some time after an epoch; the epoch it began with."""
    process = start(SCRIPT.format(kind=kind, folder=str(folder)))
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert first.startswith("started") and second.startswith("epoch"), errors
    return int(first.split()[1])


def check(kills: int, how: str, folder: Path) -> None:
    """Each time it goes on, and in the end it is what it would have been."""
    place: Serialiser = PLACES[how](folder)
    rng = np.random.default_rng(3)
    kind = PLACES[how].__name__
    begun = [killed(kind, folder, rng.uniform(0, 0.1)) for _ in range(kills)]
    assert np.all(np.diff(begun) > 0)
    resumed = make("deep_r").compile()
    epoch = resumed.resume(place)
    assert epoch > begun[-1]
    np.random.seed(7)
    whole = make("deep_r").compile()
    train(whole, epoch)
    assert_equal(resumed, whole)


@pytest.mark.parametrize("how", PLACES)
def test_killed_five_times(how: str, tmp_path: Path) -> None:
    check(5, how, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("how", PLACES)
def test_killed_twenty_times(how: str, tmp_path: Path) -> None:
    check(20, how, tmp_path)
