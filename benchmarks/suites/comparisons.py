"""Figures of ml_genn relative to other frameworks and to a hand-written program."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import get_context

import event_prop
import numpy as np
from frameworks import ML_GENN, Setting
from harness.results import measurement
from harness.session import Session
from harness.timing import median_ratio, ratios
from harness.workers import StepMeasurement

from suites.goal import Figure, NotMeasuredError

#: Frameworks of which the fastest is compared with; SpikingJelly's backward pass is
#: quadratic in T.
RIVALS = ("torch, unbind", "Spyx", "Norse", "snnTorch")
#: Milliseconds of an example (T = 500, about 4,000 input spikes) under e-prop on the
#: CPU backend of PyGeNN 5.4, which has to be built from source. A constant from another
#: machine.
PYGENN_EPROP = 490.0
LONG = Setting(steps=1000)
ROUNDING = 1e-4  #: relative difference of gradients that rounding may cause

Measurements = dict[str, StepMeasurement]


def succeeded(measurements: Measurements, names: Sequence[str]) -> Measurements:
    """Returns the measurements of some networks that did not fail.

    Raises:
        NotMeasuredError: if there are none.
    """
    result = {
        name: one
        for name, one in measurements.items()
        if name in names and one.error is None
    }
    if not result:
        raise NotMeasuredError(f"none of {', '.join(names)}")
    return result


def median(one: StepMeasurement) -> float:
    """Returns the median duration of a step [ms]."""
    return statistics.median(one.times)


def speed_up(measurements: Measurements, fast: str, slow: str) -> Figure:
    """Returns how many times faster one network is than another."""
    a = succeeded(measurements, [fast])[fast]
    b = succeeded(measurements, [slow])[slow]
    cells = {
        "ml_genn [ms]": measurement(a.times),
        "other [ms]": measurement(b.times),
        "other": slow,
        "times faster": measurement(ratios(b.times, a.times)),
    }
    return Figure(median_ratio(b.times, a.times), cells)


def measure_rivals(session: Session, setting: Setting) -> Measurements:
    """Measures rivals, and all rules in the default setting, else EventProp."""
    names = ML_GENN if setting == Setting() else ("EventProp", "inference")
    return session.measure(setting, (*names, *RIVALS))


def against_fastest(name: str, setting: Setting) -> Callable[[Session], Figure]:
    """Returns the measurement of ml_genn against the fastest rival."""

    def measure(session: Session) -> Figure:
        measurements = measure_rivals(session, setting)
        rivals = succeeded(measurements, RIVALS)
        return speed_up(
            measurements, name, min(rivals, key=lambda k: median(rivals[k]))
        )

    return measure


def gradient_differences(
    setting: Setting, rule: str, threshold: float | None
) -> list[float]:
    """Returns relative differences of gradients from torch's, by example."""
    from frameworks.ml_genn_network import MlGennNetwork
    from frameworks.torch_loop import ExampleGradients

    ours = MlGennNetwork(setting, rule).gradients
    theirs = ExampleGradients(setting, threshold)

    def difference(example: int) -> float:
        pairs = zip(ours(example), theirs(example), strict=True)
        return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)

    return [difference(example) for example in range(setting.batch)]


def against_torch(rule: str, threshold: float | None) -> Callable[[Session], Figure]:
    """Returns the measurement of BPTT against torch, which has the same gradient.

    In some examples rounding moves a spike at the threshold to another time step, and
    both programs differ from then on; in most examples gradients have to agree.
    """

    def measure(session: Session) -> Figure:
        setting = Setting()
        figure = speed_up(measure_rivals(session, setting), rule, "torch, unbind")
        with get_context("spawn").Pool(1) as pool:
            differences = pool.apply(gradient_differences, (setting, rule, threshold))
        equal = sum(difference < ROUNDING for difference in differences)
        agreement = f"{equal} of {len(differences)} examples"
        if equal < len(differences) / 2:
            raise NotMeasuredError(f"gradients agree in {agreement}")
        return replace(figure, cells={**figure.cells, "equal gradients": agreement})

    return measure


def against_pygenn(session: Session) -> Figure:
    """Returns how many times faster e-prop is than PyGeNN's constant, per example."""
    setting = Setting()
    measurements = measure_rivals(session, setting)
    times = succeeded(measurements, ["e-prop"])["e-prop"].times
    per_example = [time / setting.batch for time in times]
    cells = {
        "ml_genn [ms]": measurement(per_example),
        "other [ms]": PYGENN_EPROP,
        "other": "PyGeNN, another machine",
        "times faster": measurement([PYGENN_EPROP / time for time in per_example]),
    }
    return Figure(PYGENN_EPROP / statistics.median(per_example), cells)


def against_hand_written(session: Session) -> Figure:
    """Returns ml_genn's time over that of the hand-written program."""
    args = event_prop.parse_arguments(["--repeats", str(session.repeats)])
    times = event_prop.step_times(args, event_prop.training_step(args))
    if "hand-written" not in times:
        raise NotMeasuredError(f"no program at {args.program}")
    ours, theirs = times["ml_genn"], times["hand-written"]
    cells = {
        "ml_genn [ms]": measurement(ours),
        "hand-written [ms]": measurement(theirs),
        "ml_genn / hand-written": measurement(ratios(ours, theirs)),
    }
    return Figure(median_ratio(ours, theirs), cells)


def training_memory(session: Session) -> Figure:
    """Returns ml_genn's memory growth over the smallest one of the rivals."""
    measurements = measure_rivals(session, LONG)
    ours = succeeded(measurements, ["EventProp"])["EventProp"].memory
    rivals = succeeded(measurements, RIVALS)
    smallest = min(rivals, key=lambda k: rivals[k].memory)
    cells = {
        "ml_genn [MB]": ours,
        "other [MB]": rivals[smallest].memory,
        "other": smallest,
        "ml_genn / other": ours / rivals[smallest].memory,
    }
    return Figure(ours / rivals[smallest].memory, cells)
