"""The call structures and flags are the same in C++, ctypes and NumPy."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ml_genn.backends.cpu import abi
from ml_genn.backends.cpu.toolchain import INCLUDES, find_compiler
from ml_genn.backends.cuda.launch import kernel_args
from ml_genn.backends.cuda.source import INCLUDE as CUDA_INCLUDE
from ml_genn.backends.generated_headers import generated_headers
from ml_genn.backends.host.abi.call import RECORDING, Phase, Status
from ml_genn.backends.host.abi.structure import Structure

CPU = [abi.CALL, abi.ENCODE_REQUEST, RECORDING]
CUDA = [kernel_args.CALL_STRUCTURE, RECORDING]
FOLDERS = {"cpu": INCLUDES, "cuda": (CUDA_INCLUDE, INCLUDES[1])}


def test_headers_are_those_that_are_generated() -> None:
    """``python -m ml_genn.backends.generated_headers`` writes them again."""
    for path, text in generated_headers().items():
        assert path.read_text() == text, path


def compiled_numbers(engine: str, expressions: list[str], folder: Path) -> list[int]:
    """Values of C++ expressions where ``call.h`` of an engine is included."""
    printed = "".join(f'  printf("%lld\\n", (long long)({e}));\n' for e in expressions)
    text = (
        '#include "call.h"\n#include <stddef.h>\n#include <stdio.h>\n'
        f"using namespace mlg;\nint main() {{\n{printed}}}\n"
    )
    source, program = folder / "layout.cpp", folder / "layout"
    source.write_text(text)
    folders = [word for f in FOLDERS[engine] for word in ("-iquote", str(f))]
    command = [*find_compiler().command, "-w", "-std=c++17", *folders]
    subprocess.run([*command, str(source), "-o", str(program)], check=True)
    done = subprocess.run([program], check=True, capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def places(structure: Structure) -> list[str]:
    """C++ expressions of a structure's size and of the place of each field."""
    name = structure.name
    fields = (f"offsetof({name}, {field.name})" for field in structure.fields)
    return [f"sizeof({name})", *fields]


@pytest.mark.parametrize(
    ("engine", "structures"), [("cpu", CPU), ("cuda", CUDA)], ids=["cpu", "cuda"]
)
def test_layout(engine: str, structures: list[Structure], tmp_path: Path) -> None:
    flags = [*Phase.__members__, *Status.__members__]
    expressions = [e for s in structures for e in places(s)]
    numbers = iter(compiled_numbers(engine, [*expressions, *flags], tmp_path))
    for structure in structures:
        fields = structure.ctypes_fields()
        kind = type(structure.name, (ctypes.Structure,), {"_fields_": fields})
        dtype = structure.dtype()
        size = next(numbers)
        assert ctypes.sizeof(kind) == dtype.itemsize == size, structure.name
        for field in structure.fields:
            offset = next(numbers)
            assert getattr(kind, field.name).offset == offset, field
            assert dtype.fields is not None
            assert dtype.fields[field.name][1] == offset, field
            assert dtype[field.name].itemsize == ctypes.sizeof(field.ctype), field
    values = [*Phase.__members__.values(), *Status.__members__.values()]
    assert list(numbers) == [int(flag) for flag in values]


def test_whole_words() -> None:
    """Arrays of calls are copied to the device in words of eight bytes."""
    for structure in CUDA:
        assert structure.dtype().itemsize % np.dtype(np.int64).itemsize == 0
