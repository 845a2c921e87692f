"""A script that trains on one batch: `bars.py` takes the time of all of it."""

from __future__ import annotations

import numpy as np
from event_prop import NUM_INPUT, NUM_OUTPUT, compiled, parse_arguments

from ml_genn.utils.data import preprocess_spikes

args = parse_arguments()
rng = np.random.default_rng(0)
x = [
    preprocess_spikes(
        rng.uniform(0, args.steps, 4000), rng.integers(0, NUM_INPUT, 4000), NUM_INPUT
    )
    for _ in range(args.batch)
]
compiled(args).train(x, np.arange(args.batch) % NUM_OUTPUT, callbacks=[])
