"""Starts a script on several processes: ``python -m ml_genn.launch -n 2 script.py``.

As ``mpirun -n 2 python script.py``, with the mpirun that was installed beside this
Python, if there is one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

STARTERS = ("mpiexec", "mpirun")


def starter() -> str:
    """The path of mpiexec or mpirun; that of this Python's environment comes first.

    Raises:
        SystemExit: if there is none.
    """
    own = str(Path(sys.executable).parent)
    for where in (own, None):
        for name in STARTERS:
            found = shutil.which(name, path=where)
            if found:
                return found
    raise SystemExit(
        "launch: neither mpiexec nor mpirun was found. pip install 'ml_genn[mpi]' "
        "brings one."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the script; returns its exit code, not 0 if one of the processes failed.

    Args:
        arguments: those of the command line; None (default) for the process's own.
    """
    parser = argparse.ArgumentParser(
        prog="python -m ml_genn.launch", description=__doc__.split("\n")[0]
    )
    parser.add_argument("-n", type=int, required=True, help="number of processes")
    parser.add_argument("script", help="Python file")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="its arguments")
    args = parser.parse_args(arguments)
    if args.n < 1:
        parser.error(f"-n is at least 1, not {args.n}")
    if not Path(args.script).is_file():
        parser.error(f"there is no file {args.script}")
    command = [starter(), "-n", str(args.n), sys.executable, args.script, *args.rest]
    return subprocess.run(command, env=os.environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
