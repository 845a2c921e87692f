"""ml_genn and other frameworks on the same network and spikes, measured in turn.

700 inputs, recurrent leaky integrate-and-fire neurons, 20 leaky outputs, cross-entropy
of their mean voltage, Adam; one second with 8,000 input spikes, in T time steps. Each
framework has a process of its own; all take a step, then all take the next, so that
what else the machine does falls on all (though not alike: networks whose threads wait
for each other in each time step lose more). Ratios are medians of those of each round.

Suites: "frameworks" and "short" measure time and memory of all by T, batch, hidden
neurons, input spikes and threads; "bars" says what is reached of what is to be reached;
"scale" how far ml_genn goes. Frameworks that are not installed are skipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bars
import scale
import sweeps
from frameworks import FRAMEWORKS, OURS, PEERS
from lab import Lab
from measure import machine, report, save


@dataclass(frozen=True)
class Suite:
    """What is measured.

    Args:
        tables: measures what is wanted and gives tables.
        names: frameworks.
        rounds: how often.
    """

    tables: Callable[[Lab, sweeps.Wanted], sweeps.Tables]
    names: Sequence[str] = tuple(OURS | PEERS)
    rounds: int = 9


SUITES = {
    "frameworks": Suite(sweeps.tables),
    "short": Suite(
        partial(sweeps.tables, sweeps=sweeps.SHORT),
        ("EventProp", "inference", *bars.RIVALS),
        rounds=3,
    ),
    "bars": Suite(bars.tables, (*OURS, *bars.RIVALS)),
    "scale": Suite(scale.tables, tuple(OURS), rounds=3),
}


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", choices=SUITES, default="frameworks")
    parser.add_argument(
        "--frameworks", nargs="+", choices=FRAMEWORKS, help="default: the suite's"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="TEXT",
        help="sweeps, bars or rows whose names hold it",
    )
    parser.add_argument("--rounds", type=int, help="default: the suite's, mostly 9")
    parser.add_argument("--markdown", action="store_true", help="tables to paste")
    parser.add_argument("--json", type=Path, help="where figures are written")
    parser.add_argument("--plot", type=Path, help="where time against T is drawn")
    return parser.parse_args()


def main() -> None:
    """Measures, prints and writes."""
    args = parse_arguments()
    suite = SUITES[args.suite]
    lab = Lab(args.frameworks or suite.names, args.rounds or suite.rounds)

    def wanted(name: str) -> bool:
        return args.only is None or any(text in name for text in args.only)

    found = suite.tables(lab, wanted)
    if not all(found.values()) or not found:
        raise SystemExit(f"--only: nothing in this suite is named {args.only}.")
    report(found, markdown=args.markdown)
    print(lab.about())
    if args.json:
        figures = {"versions": lab.versions, "machine": machine()}
        save({**figures, "tables": found, "measured": lab.records}, args.json)
    if args.plot:
        sweeps.plot(lab, sweeps.STEPS, args.plot)


if __name__ == "__main__":
    main()
