"""Model files: a network, or a compiled network, in a single file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, overload

from ml_genn import compilers
from ml_genn.compiled.checkpoint.model_file import (
    compile_config_from,
    model_record,
    network_contents,
    network_from,
    state_from,
)
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.compilers import own_compilers
from ml_genn.config.arrays import check_arrays_fit
from ml_genn.config.codec import CustomObjects, Decoder
from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.network import Network
from ml_genn.serialisers.safetensors import read_file, write_file
from ml_genn.utils.checks import file_path, flag, shown
from ml_genn.utils.records import as_checkpoint_error, shortened

Loaded = TypeVar("Loaded", bound=Network | CompiledNetwork)


def save_model(model: Network | CompiledNetwork, path: str | Path) -> None:
    """Saves a network, or a compiled network with its state and compiler.

    Args:
        model: network or compiled network.
        path: file in the safetensors format, which is replaced as a whole.

    Raises:
        UnsupportedError: if something cannot be saved.
    """
    if isinstance(model, CompiledNetwork):
        model.save_model(path)
    elif isinstance(model, Network):
        write_file(file_path("save_model: path", path), network_contents(model, {}))
    else:
        raise ValidationError(
            "save_model: expected a Network or a compiled network. "
            f"Received {shown(model)}."
        )


@overload
def load_model(
    path: str | Path,
    custom_objects: CustomObjects = None,
    *,
    expect: type[Loaded],
    allow_code: bool = False,
    backend: str | None = None,
    num_threads: int | None = None,
) -> Loaded: ...


@overload
def load_model(
    path: str | Path,
    custom_objects: CustomObjects = None,
    *,
    expect: None = None,
    allow_code: bool = False,
    backend: str | None = None,
    num_threads: int | None = None,
) -> Network | CompiledNetwork: ...


def load_model(
    path: str | Path,
    custom_objects: CustomObjects = None,
    *,
    expect: type[Any] | None = None,
    allow_code: bool = False,
    backend: str | None = None,
    num_threads: int | None = None,
) -> Network | CompiledNetwork:
    """Returns the network or compiled network that `save_model` saved.

    A compiled network is compiled again, and continues from its saved state. A file is
    data: it names classes of ml_genn and of ``custom_objects`` only, and chooses
    neither backend nor compiler flags.

    Args:
        path: the file.
        custom_objects: {name: class or function} of the user's own that the file
            names; none by default.
        expect: class of what the file contains, such as `CompiledTrainingNetwork`,
            which type checkers then know; None (default) for any.
        allow_code: True to accept code strings (those of `CodeNeuron`), which are
            compiled and run as programs; False by default. Equations need no
            permission.
        backend: backend of a compiled network; None (default) as for a compiler.
        num_threads: threads of a compiled network; None (default) for the number that
            it was saved with, but at most one for each core.

    Raises:
        CheckpointError: if the file is missing or damaged, holds something else, or
            contains code strings that are not allowed; the message names the field.
    """
    model = _loaded(path, custom_objects, allow_code, backend, num_threads)
    if expect is not None and not isinstance(model, expect):
        raise CheckpointError(
            f"load_model: expected a {expect.__name__}. '{path}' contains a "
            f"{type(model).__name__}."
        )
    return model


def _loaded(
    path: str | Path,
    custom_objects: CustomObjects,
    allow_code: bool,
    backend: str | None,
    num_threads: int | None,
) -> Network | CompiledNetwork:
    """Returns what a file contains; arguments are those of `load_model`."""
    flag("load_model: allow_code", allow_code)
    contents = read_file(file_path("load_model: path", path))
    record = model_record(contents)
    network = network_from(contents, custom_objects, allow_code)
    if record.compiler is None:
        return network
    if record.state is None:
        raise CheckpointError("load_model: 'state' is missing.")
    state = state_from(contents)
    check_arrays_fit(network, state)
    compiler = _compiler_class(record.compiler.class_, custom_objects)
    decoder = Decoder(contents.arrays, custom_objects, allow_code=allow_code)
    config = compile_config_from(record.compiler, compiler, network, decoder)
    machine = {"backend": backend, "num_threads": num_threads}
    arguments = {
        **config.arguments,
        **{name: value for name, value in machine.items() if value is not None},
    }
    with as_checkpoint_error("load_model: compiler"):
        compiled: CompiledNetwork = compiler(**arguments).compile(
            network, **config.compile_arguments
        )
    compiled.restore(state)
    return compiled


def _compiler_class(name: str, custom_objects: CustomObjects) -> Any:
    """Returns a compiler of ml_genn, or of the user's own.

    Raises:
        CheckpointError: if the name is that of something else.
    """
    cls = (custom_objects or {}).get(name)
    if cls is None and name in own_compilers():
        cls = getattr(compilers, name)
    if not isinstance(cls, type) or not issubclass(cls, compilers.Compiler):
        raise CheckpointError(
            f"load_model: '{shortened(name)[1:-1]}' is no compiler of ml_genn. If it "
            "is yours, give its class in custom_objects."
        )
    return cls
