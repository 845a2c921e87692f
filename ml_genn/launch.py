"""Starts a script in several processes: ``python -m ml_genn.launch -n 2 script.py``.

It does what ``mpirun -n 2 python script.py`` does, with the mpirun of this Python's
environment, if it has one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

STARTERS = ("mpiexec", "mpirun")  #: in order of preference


def starter() -> str:
    """Returns the path of mpiexec or mpirun, preferably of this Python's environment.

    Raises:
        SystemExit: if neither is installed.
    """
    environment = str(Path(sys.executable).parent)
    for where in (environment, None):  # None: the folders of PATH
        for name in STARTERS:
            path = shutil.which(name, path=where)
            if path:
                return path
    raise SystemExit(
        "launch: neither mpiexec nor mpirun was found. pip install 'ml_genn[mpi]' "
        "brings one."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the script.

    Args:
        arguments: arguments of the command line; None (default) for `sys.argv`.

    Returns:
        The exit code; not 0 if one of the processes failed.
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
