"""Training steps on a GPU: every learning rule against other frameworks, in one run.

Prints a table with the name of the GPU. "by hand" is EventProp's step as kernels
written for this network alone. ``--device cpu`` does the same on the processor, without
them. What is not installed is left out, and named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from itertools import product
from pathlib import Path

from frameworks import Setting
from lab import Lab
from measure import ratio
from workers import Measured

from ml_genn.backends.cuda.device import load, name_of
from ml_genn.errors import MlGennError

RULES = ("EventProp", "e-prop", "e-prop, online", "BPTT")
PEERS = ("torch, unbind", "torch, compiled", "Spyx")
YARDSTICK = "by hand"
#: JAX takes most of a GPU's memory unless it is told not to.
SHARING = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--steps", type=int, nargs="+", default=(100, 1000))
    parser.add_argument("--hidden", type=int, nargs="+", default=(256, 1024))
    parser.add_argument("--batch", type=int, nargs="+", default=(32, 512))
    parser.add_argument("--names", nargs="+", default=(*RULES, *PEERS, YARDSTICK))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def machine(device: str) -> str:
    """The name of the GPU, or of the processor.

    Raises:
        SystemExit: if there is no GPU.
    """
    if device == "cpu":
        return platform.processor() or platform.machine()
    try:
        return name_of(load())
    except MlGennError as error:
        raise SystemExit(
            f"gpu.py: {error} 'gpu.py --device cpu' measures that instead."
        ) from None


def cell(measured: Measured) -> str:
    """Median milliseconds of a step, or why there are none."""
    if measured.error:
        return measured.error.split(":")[0]
    return f"{statistics.median(measured.times):.2f}"


def lead(found: dict[str, Measured]) -> str:
    """How much longer the fastest peer takes than EventProp, in the same rounds."""
    ours = found.get("EventProp")
    rivals = [found[k] for k in PEERS if k in found and not found[k].error]
    if ours is None or ours.error or not rivals:
        return ""
    best = min(rivals, key=lambda m: statistics.median(m.times))
    return f"{ratio(best.times, ours.times):.1f}"


def above(found: dict[str, Measured]) -> str:
    """How much longer EventProp takes than the kernels by hand, in the same rounds."""
    ours, least = found.get("EventProp"), found.get(YARDSTICK)
    if ours is None or least is None or ours.error or least.error:
        return ""
    return f"{ratio(ours.times, least.times):.2f}"


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    where = machine(args.device)
    os.environ.update(SHARING)
    lab = Lab(args.names, args.repeats)
    names = lab.names(training=True)
    ratios = ("best peer / EventProp", f"EventProp / {YARDSTICK}")
    columns = ["T", "hidden", "batch", *names, *ratios]
    print(f"Milliseconds of a training step on {where}, median of {args.repeats}.\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns), flush=True)
    for steps, hidden, batch in product(args.steps, args.hidden, args.batch):
        setting = Setting(steps, batch, hidden, device=args.device)
        found = lab.measure(setting)
        row = [str(n) for n in (steps, hidden, batch)]
        row += [*(cell(found[name]) for name in names), lead(found), above(found)]
        print("| " + " | ".join(row) + " |", flush=True)
    print("\n" + lab.about())
    if args.json:
        args.json.write_text(json.dumps({"on": where, "records": lab.records}))


if __name__ == "__main__":
    main()
