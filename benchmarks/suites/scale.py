"""Large networks, long examples, large batches and many synapses in ml_genn."""

from __future__ import annotations

import math

from frameworks import Setting
from harness.results import measurement
from harness.session import Session
from harness.workers import Candidates

from suites.sizes import Selected, Tables

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
LARGE_NAME = "10^6 neurons, 10^8 synapses, inference, T = 100"


def candidates() -> Candidates:
    """Returns the networks by row of the table; each is measured alone."""
    hidden = {
        f"hidden {n:,}, T = 250": Setting(steps=250, duration=250.0, hidden=n)
        for n in HIDDEN
    }
    steps = {f"T = {t:,}": Setting(steps=t, duration=float(t)) for t in STEPS}
    batch = {f"batch {n:,}, T = 500": Setting(batch=n) for n in BATCH}
    trained = {k: ("EventProp", s) for k, s in (hidden | steps | batch).items()}
    return trained | {LARGE_NAME: ("inference", LARGE)}


def tables(session: Session, selected: Selected) -> Tables:
    """Returns a table with a row for each selected network."""
    rows = {}
    for label, (framework, setting) in candidates().items():
        if not selected(label):
            continue
        figures = session.compare({label: (framework, setting)})[label]
        step = measurement(figures.times or [math.nan])
        rows[label] = {
            "step [ms]": step,
            "per example [ms]": step["median"] / setting.batch,
            "memory of steps [MB]": figures.memory,
            "peak of the process [MB]": figures.peak,
            "hidden rate [Hz]": figures.rate,
        }
        if figures.error:
            rows[label]["error"] = figures.error
    return {"EventProp's training step, and inference": rows}
