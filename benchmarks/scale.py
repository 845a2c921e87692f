"""How far ml_genn goes: large networks, long examples, large batches."""

from __future__ import annotations

import math
import statistics

from frameworks import Setting
from lab import Lab
from sweeps import Tables, Wanted

HIDDEN = (64, 256, 1024, 4096, 8192)
STEPS = (250, 1000, 5000, 20_000)
BATCH = (1, 8, 32, 128, 1024)
#: 10^6 neurons, each with about 100 recurrent and 7 input synapses.
LARGE = Setting(
    steps=100,
    duration=100.0,
    batch=1,
    hidden=1_000_000,
    training=False,
    input_density=0.01,
    recurrent_density=1e-4,
)


def subjects() -> dict[str, tuple[str, Setting]]:
    """What is measured, one by one."""
    hidden = {
        f"hidden {n}, T = 250": Setting(steps=250, duration=250.0, hidden=n)
        for n in HIDDEN
    }
    steps = {f"T = {t}": Setting(steps=t, duration=float(t)) for t in STEPS}
    batch = {f"batch {n}, T = 500": Setting(batch=n) for n in BATCH}
    trained = {k: ("EventProp", s) for k, s in (hidden | steps | batch).items()}
    large = "10^6 neurons, 10^8 synapses, inference, T = 100"
    return trained | {large: ("inference", LARGE)}


def tables(lab: Lab, wanted: Wanted) -> Tables:
    """A row for each whose label is wanted."""
    rows = {}
    for label, subject in subjects().items():
        if not wanted(label):
            continue
        found = lab.compare({label: subject})[label]
        step = statistics.median(found.times) if found.times else math.nan
        rows[label] = {
            "step [ms]": step,
            "an example [ms]": step / subject[1].batch,
            "above idle [MB]": found.memory,
            "at most, in all [MB]": found.peak,
            "hidden [Hz]": found.rate,
            "": found.error or "",
        }
    return {"EventProp's training step, and inference": rows}
