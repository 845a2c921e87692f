"""Performance goals on a machine of two cores, and the tables of their figures."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from frameworks import Setting
from harness.session import Session

from suites import comparisons as other
from suites import single_figures as own
from suites.comparisons import LONG, against_fastest, against_torch
from suites.goal import Goal, NotMeasuredError
from suites.sizes import Selected, Tables

FASTEST = "Step, against the fastest of the other frameworks"
TORCH = "Step, against torch with the same gradient"
PYGENN = "Example, against PyGeNN"
HAND_WRITTEN = "Step, against a hand-written program"
MEMORY = "Memory of training"
SETTINGS = "Step in two settings"
LINE = "Step against the number of time steps"
START = "Start"

GOALS = (
    *(
        Goal(
            f"EventProp, T = {t}",
            limit,
            against_fastest("EventProp", Setting(steps=t)),
            FASTEST,
        )
        for t, limit in ((100, 3), (250, 6), (500, 8), (1000, 12))
    ),
    Goal(
        "EventProp, T = 1000, hidden 1024",
        12,
        against_fastest("EventProp", replace(LONG, hidden=1024)),
        FASTEST,
    ),
    Goal("e-prop, T = 500", 8, against_fastest("e-prop", Setting()), FASTEST),
    *(
        Goal(
            f"inference, T = 1000, batch {batch}",
            10,
            against_fastest("inference", replace(LONG, batch=batch, training=False)),
            FASTEST,
        )
        for batch in (32, 1)
    ),
    Goal("BPTT, T = 500", 2, against_torch("BPTT", None), TORCH),
    Goal("BPTT, B_th = 0.9, T = 500", 6, against_torch("BPTT, B_th = 0.9", 0.9), TORCH),
    Goal("e-prop, T = 500, an example", 300, other.against_pygenn, PYGENN),
    Goal("EventProp, T = 500", 1.1, other.against_hand_written, HAND_WRITTEN, True),
    Goal("EventProp, T = 1000", 1 / 8, other.training_memory, MEMORY, True),
    Goal("2 threads against 1", 1.85, own.two_threads, SETTINGS),
    Goal(
        "1 % of the synapses against all, hidden 4096", 20, own.sparse_network, SETTINGS
    ),
    Goal("EventProp, T = 250 to 16000", 10, own.straight_line, LINE, True, "%"),
    Goal("build, nothing cached", 2, own.cold_build, START, True, "s"),
    Goal("script with one batch, cached", 0.5, own.warm_start, START, True, "s"),
)


def tables(session: Session, selected: Selected) -> Tables:
    """Measures selected goals; prints each figure as soon as it is known."""
    result: dict[str, dict[str, Any]] = {"Goals": {}}
    for goal in GOALS:
        name = f"{goal.table}: {goal.name}"
        if not selected(name):
            continue
        try:
            figure = goal.measure(session)
        except NotMeasuredError as error:
            result["Goals"][name] = {"reached": f"not measured: {error}"}
            continue
        result["Goals"][name] = summary = goal.summary(figure.value)
        result.setdefault(goal.table, {})[goal.name] = figure.cells
        print(name, *summary.values(), sep=" | ", file=sys.stderr)
    return result
