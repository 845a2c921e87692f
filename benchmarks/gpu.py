"""Training steps on a GPU: every learning rule against other frameworks.

"hand-written" is EventProp's step as CUDA kernels for this network alone. ``--device
cpu`` measures the same on the processor, without them. Frameworks that are not
installed are skipped and named.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import time
from itertools import product
from typing import Any

from frameworks import Setting
from harness.results import benchmark_parser, measurement, report
from harness.session import Session
from harness.timing import ratios
from harness.workers import TIMEOUT, StepMeasurement

from ml_genn.backends.cuda.device import gpu_name, load_cupy
from ml_genn.errors import MlGennError

RULES = ("EventProp", "e-prop", "e-prop, online", "BPTT")
PEERS = ("torch, unbind", "torch, compiled", "Spyx")
HAND_WRITTEN = "hand-written"
#: A framework that takes longer than half of the remaining time, and than this, for an
#: answer counts as failed [s].
SHORTEST_WAIT = 20.0
#: JAX reserves most of a GPU's memory unless it is told not to.
JAX_ENVIRONMENT = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = benchmark_parser(__doc__, repeats=9)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--steps", type=int, nargs="+", default=(100, 1000))
    parser.add_argument("--hidden", type=int, nargs="+", default=(256, 1024))
    parser.add_argument("--batch", type=int, nargs="+", default=(32, 512))
    names = (*RULES, *PEERS, HAND_WRITTEN)
    parser.add_argument("--names", nargs="+", default=names, help="networks")
    parser.add_argument(
        "--time-limit",
        type=float,
        default=math.inf,
        help="seconds after which no further row is begun; none by default",
    )
    return parser.parse_args()


def device_name(device: str) -> str:
    """Returns the name of the GPU, or of the processor.

    Raises:
        SystemExit: if there is no GPU.
    """
    if device == "cpu":
        return platform.processor() or platform.machine()
    try:
        return gpu_name(load_cupy())
    except MlGennError as error:
        raise SystemExit(
            f"gpu.py: {error} 'gpu.py --device cpu' measures that instead."
        ) from None


def step_cell(figures: StepMeasurement) -> Any:
    """Returns the milliseconds of a step, or the kind of the failure."""
    if figures.error:
        return figures.error.split(":")[0]
    return measurement(figures.times)


def ratio_cells(results: dict[str, StepMeasurement]) -> dict[str, Any]:
    """Returns ratios to the fastest peer and to the kernels, if they were measured."""
    valid = {name: one for name, one in results.items() if not one.error}
    if "EventProp" not in valid:
        return {}
    times, cells = valid["EventProp"].times, {}
    if peers := [valid[name] for name in PEERS if name in valid]:
        fastest = min(peers, key=lambda one: statistics.median(one.times))
        cells["fastest peer / EventProp"] = measurement(ratios(fastest.times, times))
    if HAND_WRITTEN in valid:
        kernels = valid[HAND_WRITTEN].times
        cells["EventProp / hand-written"] = measurement(ratios(times, kernels))
    return cells


def main() -> None:
    """Measures and reports; figures are saved after every row."""
    start = time.monotonic()
    args = parse_arguments()
    device = device_name(args.device)
    os.environ.update(JAX_ENVIRONMENT)
    on_gpu = args.device == "gpu"
    names = [name for name in args.names if on_gpu or name != HAND_WRITTEN]
    table: dict[str, dict[str, Any]] = {}
    title = f"Training step on {device} [ms]"
    session = Session(names, args.repeats)
    for steps, hidden, batch in product(args.steps, args.hidden, args.batch):
        rest = args.time_limit - (time.monotonic() - start)
        if rest < 0:
            print(
                f"The rows from T = {steps}, hidden {hidden}, batch {batch} on were "
                "not measured: the time is over."
            )
            break
        session.timeout = min(TIMEOUT, max(rest / 2, SHORTEST_WAIT))
        results = session.measure(Setting(steps, batch, hidden, device=args.device))
        cells = {name: step_cell(one) for name, one in results.items()}
        row = f"T = {steps}, hidden {hidden}, batch {batch}"
        table[row] = cells | ratio_cells(results)
        report("Training on a GPU", {title: table}, args, session.records)
    print(session.about())


if __name__ == "__main__":
    main()
