"""ml_genn and other frameworks on the same network and spikes, measured in turn.

700 inputs, recurrent leaky integrate-and-fire neurons, 20 leaky outputs, cross-entropy
of their mean voltage, Adam; one second with 8,000 input spikes, in T time steps. Each
framework has a process of its own; all take a step, then all take the next, so that
other load of the machine falls on all. (It costs networks whose threads meet in each
time step more than those whose threads meet once a batch.) Ratios are medians of the
ratios of each round.

Suites: "frameworks" and "short" measure time and memory of all against T, batch, hidden
neurons, input spikes and threads; "goals" measures what a release has to reach; "scale"
measures large networks in ml_genn. Frameworks that are not installed are skipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from frameworks import FRAMEWORKS, ML_GENN, PEERS
from harness.results import benchmark_parser, report
from harness.session import Session
from suites import goals, scale, sizes
from suites.comparisons import RIVALS


@dataclass(frozen=True)
class Suite:
    """Set of measurements.

    Args:
        title: of its results.
        tables: measures a selection and returns tables.
        names: frameworks.
        rounds: number of rounds.
    """

    title: str
    tables: Callable[[Session, sizes.Selected], sizes.Tables]
    names: Sequence[str] = tuple(ML_GENN | PEERS)
    rounds: int = 9


SUITES = {
    "frameworks": Suite("ml_genn and other frameworks", sizes.tables),
    "short": Suite(
        "ml_genn and other frameworks",
        partial(sizes.tables, sizes=sizes.SHORT),
        ("EventProp", "inference", *RIVALS),
        rounds=3,
    ),
    "goals": Suite("Performance goals", goals.tables, (*ML_GENN, *RIVALS)),
    "scale": Suite("Large networks", scale.tables, tuple(ML_GENN), rounds=3),
}


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = benchmark_parser(__doc__)
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--suite", choices=SUITES, default="frameworks")
    parser.add_argument(
        "--frameworks", nargs="+", choices=FRAMEWORKS, help="default: the suite's"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="TEXT",
        help="select sizes, goals or rows whose names contain it",
    )
    parser.add_argument(
        "--repeats", type=int, help="rounds; default: the suite's, 9 or 3"
    )
    parser.add_argument("--plot", type=Path, help="draw time against T to this file")
    return parser.parse_args()


def main() -> None:
    """Measures and reports."""
    args = parse_arguments()
    suite = SUITES[args.suite]
    args.repeats = args.repeats or suite.rounds
    session = Session(args.frameworks or suite.names, args.repeats)

    def selected(name: str) -> bool:
        return args.only is None or any(text in name for text in args.only)

    tables = suite.tables(session, selected)
    if not tables or not all(tables.values()):
        raise SystemExit(f"--only: nothing in this suite is named {args.only}.")
    report(suite.title, tables, args, session.records)
    print(session.about())
    if args.plot:
        sizes.plot(session, sizes.STEPS, args.plot)


if __name__ == "__main__":
    main()
