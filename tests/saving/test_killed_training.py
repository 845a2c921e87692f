"""Training that is killed at any moment resumes from a complete checkpoint."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from engine.processes import start
from saving.saved_nets import assert_equal, make, train

from ml_genn.serialisers import Numpy, Safetensors, Serialiser

SERIALISERS = {"numpy": Numpy, "safetensors": Safetensors}

SCRIPT = """
import numpy as np
from saving.saved_nets import make, train
from ml_genn.callbacks import Checkpoint
from ml_genn.errors import CheckpointError
from ml_genn.serialisers import Numpy, Safetensors

serialiser = {kind}({folder!r})
compiled = make("deep_r").compile()
try:
    epoch = compiled.resume(serialiser)
except CheckpointError:
    epoch = 0
print("started", epoch, flush=True)
while True:
    train(compiled, 1, epoch, callbacks=[Checkpoint(serialiser)])
    epoch += 1
    print("epoch", epoch, flush=True)
"""


def train_and_kill(kind: str, folder: Path, delay: float) -> int:
    """Kills training after its first epoch and a delay [s]; returns its start epoch."""
    process = start(SCRIPT.format(kind=kind, folder=str(folder)))
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert first.startswith("started") and second.startswith("epoch"), errors
    return int(first.split()[1])


def check_resumed(kills: int, name: str, folder: Path) -> None:
    """Checks that killed and resumed training equals uninterrupted training."""
    serialiser: Serialiser = SERIALISERS[name](folder)
    rng = np.random.default_rng(3)
    kind = SERIALISERS[name].__name__
    starts = [train_and_kill(kind, folder, rng.uniform(0, 0.1)) for _ in range(kills)]
    assert np.all(np.diff(starts) > 0)
    resumed = make("deep_r").compile()
    epoch = resumed.resume(serialiser)
    assert epoch > starts[-1]
    uninterrupted = make("deep_r").compile()
    train(uninterrupted, epoch)
    assert_equal(resumed, uninterrupted)


@pytest.mark.parametrize("name", SERIALISERS)
def test_killed_five_times(name: str, tmp_path: Path) -> None:
    check_resumed(5, name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SERIALISERS)
def test_killed_twenty_times(name: str, tmp_path: Path) -> None:
    check_resumed(20, name, tmp_path)
