"""What is to be reached, and whether it is."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import event_prop
import numpy as np
import start_up
from frameworks import OURS, Setting
from lab import Lab
from measure import ratio
from sweeps import Tables, Wanted
from workers import Measured

#: Peers whose best is the one to beat.
RIVALS = ("torch, unbind", "Spyx", "Norse", "snnTorch")
#: Milliseconds that e-prop takes for an example of this network (T = 500, about 4,000
#: input spikes) on PyGeNN 5.4's CPU backend. PyGeNN has to be built from source; this
#: was measured once and is not measured again here.
PYGENN_EPROP = 490.0
LONG = Setting(steps=1000)
SAME = 1e-4  #: relative difference of gradients that rounding may cause


class NotMeasuredError(Exception):
    """Something that a bar needs is absent, failed or is not the same."""


@dataclass(frozen=True)
class Bar:
    """Something to be reached.

    Args:
        name: what.
        limit: the number to reach.
        value: measures it; gives the number and a note.
        at_most: whether smaller is better; no by default.
        unit: of the number, "times" by default.
    """

    name: str
    limit: float
    value: Callable[[Lab], tuple[float, str]]
    at_most: bool = False
    unit: str = "times"

    def row(self, lab: Lab) -> dict[str, str]:
        """A row of the table."""
        row = {"bar": f"{'<=' if self.at_most else '>='} {self.limit:.3g} {self.unit}"}
        try:
            value, note = self.value(lab)
        except NotMeasuredError as reason:
            return row | {"value": "", "": "not measured", "note": str(reason)}
        reached = value <= self.limit if self.at_most else value >= self.limit
        result = "reached" if reached else "missed"
        return row | {"value": f"{value:.3g}", "": result, "note": note}


def present(found: dict[str, Measured], names: Sequence[str]) -> dict[str, Measured]:
    """Those that were measured.

    Raises:
        NotMeasuredError: if none was.
    """
    result = {k: m for k, m in found.items() if k in names and m.error is None}
    if not result:
        raise NotMeasuredError(f"none of {', '.join(names)}")
    return result


def median(one: Measured) -> float:
    """Milliseconds."""
    return statistics.median(one.times)


def times_faster(found: dict[str, Measured], fast: str, slow: str) -> tuple[float, str]:
    """How many times faster one is than the other."""
    a = present(found, [fast])[fast]
    b = present(found, [slow])[slow]
    return ratio(b.times, a.times), f"{fast} {median(a):.3g} ms, {slow} {median(b):.3g}"


def measured(lab: Lab, setting: Setting) -> dict[str, Measured]:
    """Peers and ours: in the usual setting all rules, else EventProp or inference."""
    ours = OURS if setting == Setting() else ("EventProp", "inference")
    return lab.measure(setting, (*ours, *RIVALS))


def than_best(name: str, setting: Setting) -> Callable[[Lab], tuple[float, str]]:
    """How many times faster ours is than the fastest peer."""

    def value(lab: Lab) -> tuple[float, str]:
        found = measured(lab, setting)
        peers = present(found, RIVALS)
        return times_faster(found, name, min(peers, key=lambda k: median(peers[k])))

    return value


def agreement(setting: Setting, rule: str, near: float | None) -> list[float]:
    """Relative differences of our gradients from torch's, one for each example."""
    from frameworks.ours import Ours
    from frameworks.torch_unbind import Gradients

    ours, theirs = Ours(setting, rule).gradients, Gradients(setting, near)

    def difference(example: int) -> float:
        pairs = zip(ours(example), theirs(example), strict=True)
        return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)

    return [difference(example) for example in range(setting.batch)]


def same_as_torch(rule: str, near: float | None) -> Callable[[Lab], tuple[float, str]]:
    """How many times faster BPTT is than torch, which has the same gradient.

    In some examples rounding moves a spike that is just at the threshold to another
    time step, and both then run differently; in most it does not.
    """

    def value(lab: Lab) -> tuple[float, str]:
        setting = Setting()
        found = measured(lab, setting)
        faster, note = times_faster(found, rule, "torch, unbind")
        with get_context("spawn").Pool(1) as pool:
            apart = pool.apply(agreement, (setting, rule, near))
        alike = sum(one < SAME for one in apart)
        note += f"; the same gradient in {alike} of {len(apart)} examples"
        note += f" (median difference {statistics.median(apart):.0e})"
        if alike < len(apart) / 2:
            raise NotMeasuredError(note)
        return faster, note

    return value


def than_pygenn(lab: Lab) -> tuple[float, str]:
    """How many times faster e-prop is, for an example, than what PyGeNN once took."""
    setting = Setting()
    ours = present(measured(lab, setting), ["e-prop"])["e-prop"]
    each = median(ours) / setting.batch
    note = f"{each:.3g} ms an example; PyGeNN's {PYGENN_EPROP:g} ms is a constant"
    return PYGENN_EPROP / each, note


def than_hand_written(lab: Lab) -> tuple[float, str]:
    """Time of our step over that of the hand-written program."""
    args = event_prop.parse_arguments(["--repeats", str(lab.repeats)])
    times = event_prop.against_limit(args, event_prop.step(args))
    if "hand-written" not in times:
        raise NotMeasuredError(f"no program at {args.limit}")
    ours, theirs = times["ours"], times["hand-written"]
    medians = f"{statistics.median(ours):.3g} ms, {statistics.median(theirs):.3g}"
    return ratio(ours, theirs), f"ours {medians}"


def memory(lab: Lab) -> tuple[float, str]:
    """Memory above idle, over the smallest of any peer."""
    found = measured(lab, LONG)
    ours = present(found, ["EventProp"])["EventProp"].memory
    peers = present(found, RIVALS)
    least = min(peers, key=lambda k: peers[k].memory)
    return ours / peers[least].memory, (
        f"EventProp {ours:.3g} MB, {least} {peers[least].memory:.3g}"
    )


def registers() -> float:
    """How many times as much two threads do that need nothing but registers."""
    with tempfile.TemporaryDirectory() as folder:
        program = event_prop.built(Path(__file__).with_name("registers.cpp"), folder)
        done = subprocess.run([program], capture_output=True, text=True, check=True)
        return float(done.stdout)


def threads(lab: Lab) -> tuple[float, str]:
    """How many times faster two threads are than one."""
    usual = Setting()
    one = ("EventProp", replace(usual, threads=1))
    found = lab.compare({"2 threads": ("EventProp", usual), "1 thread": one})
    faster, note = times_faster(found, "2 threads", "1 thread")
    return faster, f"{note}; two threads in registers alone do {registers():.2f} times"


def linear(lab: Lab) -> tuple[float, str]:
    """Largest deviation [%] of the time of a batch from a straight line in T.

    The line has the least relative errors; where it meets T = 0 is what a batch costs
    however short it is: the step of the optimiser, the call.
    """
    lengths = [250 * 2**k for k in range(7)]
    found = lab.compare(
        {f"T = {t}": ("EventProp", Setting(steps=t, duration=t)) for t in lengths}
    )
    present(found, list(found))
    times = np.array([median(found[f"T = {t}"]) for t in lengths])
    steps = np.array(lengths)
    columns = np.stack([1.0 / times, steps / times], axis=1)
    (fixed, slope), *_ = np.linalg.lstsq(columns, np.ones(len(times)))
    deviation = float(np.max(np.abs(times / (fixed + slope * steps) - 1)))
    text = ", ".join(f"{one:.3g}" for one in times)
    line = f"{fixed:.2g} ms a batch and {1e3 * slope:.3g} us a step"
    return 100 * deviation, f"{line}; T = 250 to 16000: {text} ms"


def sparse(lab: Lab) -> tuple[float, str]:
    """How many times faster a step is with 1 % of the synapses."""
    dense = Setting(steps=250, duration=250.0, hidden=4096)
    few = replace(dense, input_density=0.01, recurrent_density=0.01)
    found = lab.compare({"1 %": ("EventProp", few), "dense": ("EventProp", dense)})
    faster, note = times_faster(found, "1 %", "dense")
    rates = ", ".join(f"{m.rate:.3g}" for m in found.values())
    return faster, f"{note}; hidden neurons at {rates} Hz"


def cold_build(lab: Lab) -> tuple[float, str]:
    """Seconds from a network to a model that runs, nothing cached."""
    args = event_prop.parse_arguments([])
    times = []
    for _ in range(lab.repeats):
        with tempfile.TemporaryDirectory() as cache:
            times.append(event_prop.build_seconds(args, cache))
    return statistics.median(times), f"{min(times):.3g} to {max(times):.3g}"


def warm_start(lab: Lab) -> tuple[float, str]:
    """Seconds from starting Python to the end of a script that trains on a batch."""
    words = [str(start_up.SCRIPT), *start_up.SUBJECTS["EventProp, 700-256r-20"].split()]
    with tempfile.TemporaryDirectory() as scratch:
        own = {**start_up.environment(scratch), "ML_GENN_CACHE": scratch}
        times = [start_up.run(words, own)[0] for _ in range(lab.repeats + 1)]
    times = times[1:]  # the first fills the cache
    return statistics.median(times), f"{min(times):.3g} to {max(times):.3g}"


BARS = (
    *(
        Bar(f"EventProp, T = {t}", least, than_best("EventProp", Setting(steps=t)))
        for t, least in ((100, 3), (250, 6), (500, 8), (1000, 12))
    ),
    Bar(
        "EventProp, T = 1000, hidden 1024",
        12,
        than_best("EventProp", replace(LONG, hidden=1024)),
    ),
    Bar("e-prop, T = 500", 8, than_best("e-prop", Setting())),
    Bar("e-prop, PyGeNN's CPU backend", 300, than_pygenn),
    Bar("BPTT, T = 500, torch", 2, same_as_torch("BPTT", None)),
    Bar("BPTT, B_th = 0.9, torch", 6, same_as_torch("BPTT, B_th = 0.9", 0.9)),
    *(
        Bar(
            f"inference, T = 1000, batch {batch}",
            10,
            than_best("inference", replace(LONG, batch=batch, training=False)),
        )
        for batch in (32, 1)
    ),
    Bar("EventProp, hand-written program", 1.1, than_hand_written, at_most=True),
    Bar("memory of training, T = 1000", 1 / 8, memory, at_most=True),
    Bar("2 threads, 1 thread", 1.85, threads),
    Bar("time against T, from a line", 10, linear, at_most=True, unit="% off"),
    Bar("1 % of the synapses, hidden 4096", 20, sparse),
    Bar("build, nothing cached", 2, cold_build, at_most=True, unit="s"),
    Bar("script with one batch, cached", 0.5, warm_start, at_most=True, unit="s"),
)


def tables(lab: Lab, wanted: Wanted) -> Tables:
    """Bars whose names are wanted; each is shown once it is known."""
    rows = {}
    for bar in BARS:
        if wanted(bar.name):
            rows[bar.name] = bar.row(lab)
            print(bar.name, *rows[bar.name].values(), sep=" | ", file=sys.stderr)
    return {"Bars": rows}
