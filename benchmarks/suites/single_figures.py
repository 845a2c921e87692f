"""Figures of ml_genn alone: threads, length of examples, sparsity, start."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import event_prop
import numpy as np
import start_up
from frameworks import Setting
from harness.results import measurement
from harness.session import Session
from harness.timing import median_ratio, ratios

from suites.comparisons import median, succeeded
from suites.goal import Figure

ARITHMETIC = Path(__file__).with_name("register_arithmetic.cpp")
#: Time steps of examples in `straight_line`: 250 to 16,000.
LENGTHS = [250 * 2**k for k in range(7)]


def register_speed_up() -> float:
    """Returns the speed-up by a second thread for arithmetic in registers alone."""
    with tempfile.TemporaryDirectory() as folder:
        program = event_prop.compile_program(ARITHMETIC, folder)
        done = subprocess.run([program], capture_output=True, text=True, check=True)
        return float(done.stdout)


def compare_settings(session: Session, fast: Setting, slow: Setting) -> Figure:
    """Returns how many times faster an EventProp step is in one of two settings."""
    both = session.compare({"fast": ("EventProp", fast), "slow": ("EventProp", slow)})
    a = succeeded(both, ["fast"])["fast"].times
    b = succeeded(both, ["slow"])["slow"].times
    cells = {
        "faster [ms]": measurement(a),
        "slower [ms]": measurement(b),
        "times faster": measurement(ratios(b, a)),
    }
    return Figure(median_ratio(b, a), cells)


def two_threads(session: Session) -> Figure:
    """Returns how many times faster two threads are than one."""
    figure = compare_settings(session, Setting(), replace(Setting(), threads=1))
    registers = {"registers alone, times faster": register_speed_up()}
    return replace(figure, cells={**figure.cells, **registers})


def sparse_network(session: Session) -> Figure:
    """Returns how many times faster a step is with 1 % of the synapses."""
    dense = Setting(steps=250, duration=250.0, hidden=4096)
    sparse = replace(dense, input_density=0.01, recurrent_density=0.01)
    return compare_settings(session, sparse, dense)


def straight_line(session: Session) -> Figure:
    """Returns the largest deviation of a batch's time from a straight line in T [%].

    The line has the least relative errors. Its value at T = 0 is the cost of a batch
    that does not depend on T, such as the optimiser's step.
    """
    settings = {f"T = {t}": Setting(steps=t, duration=t) for t in LENGTHS}
    measurements = session.compare({k: ("EventProp", s) for k, s in settings.items()})
    succeeded(measurements, list(settings))
    times = np.array([median(measurements[k]) for k in settings])
    steps = np.array(LENGTHS)
    columns = np.stack([1.0 / times, steps / times], axis=1)
    (fixed, per_step), *_ = np.linalg.lstsq(columns, np.ones(len(times)))
    deviation = 100 * float(np.max(np.abs(times / (fixed + per_step * steps) - 1)))
    cells = {
        "a batch [ms]": float(fixed),
        "a time step [us]": 1e3 * float(per_step),
        "largest deviation [%]": deviation,
        **{f"{k} [ms]": measurement(m.times) for k, m in measurements.items()},
    }
    return Figure(deviation, cells)


def cold_build(session: Session) -> Figure:
    """Returns the seconds from a network to a built model, nothing cached."""
    args = event_prop.parse_arguments([])
    seconds = []
    for _ in range(session.repeats):
        with tempfile.TemporaryDirectory() as cache:
            seconds.append(event_prop.build_seconds(args, cache))
    return Figure(statistics.median(seconds), {"seconds": measurement(seconds)})


def warm_start(session: Session) -> Figure:
    """Returns the seconds of a script that trains on a batch, its library cached."""
    words = start_up.SCRIPT_ARGUMENTS["EventProp, 700-256r-20"].split()
    with tempfile.TemporaryDirectory() as scratch:
        environment = start_up.script_environment(scratch) | {"ML_GENN_CACHE": scratch}
        script = [str(start_up.SCRIPT), *words]
        _filling_the_cache, *seconds = (
            start_up.run_python(script, environment)[0]
            for _ in range(session.repeats + 1)
        )
    return Figure(statistics.median(seconds), {"seconds": measurement(seconds)})
