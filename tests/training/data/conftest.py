"""Weights that training on any form of the ten examples must give."""

from __future__ import annotations

import numpy as np
import pytest
from training.data.batch_data import trained_weights
from training.small_nets import labels, spikes


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    """Returns weights after two epochs on ten examples."""
    return trained_weights(spikes(10), labels(10), num_epochs=2)
