"""The code of a synapse group, by its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ml_genn.codegen.formats.csr import CsrCode
from ml_genn.codegen.formats.dense import DenseCode
from ml_genn.codegen.formats.format_code import FormatCode
from ml_genn.codegen.formats.shared_kernel import SharedKernelCode
from ml_genn.codegen.names import Names
from ml_genn.codegen.writer import CodeWriter
from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import Delay, SharedKernelFormat, SynapseFormat, SynapseGroup
from ml_genn.model.plan.formats import CsrFormat, DenseFormat

#: {format: function that returns its code}.
_CODE: dict[type[SynapseFormat], Callable[[Any], FormatCode]] = {
    DenseFormat: lambda storage: DenseCode(),
    CsrFormat: lambda storage: CsrCode(),
    SharedKernelFormat: lambda storage: SharedKernelCode(storage.kernel),
}


def format_code(synapses: SynapseGroup) -> FormatCode:
    """Returns the code that visits the synapses of a group.

    Raises:
        UnsupportedError: if the format has none.
    """
    code = _code_of(synapses)
    in_one_step = synapses.delay is not Delay.PER_SYNAPSE
    has_row_code = in_one_step and code.has_row_code(synapses)
    return code if has_row_code else SynapseBySynapse(code)


def _code_of(synapses: SynapseGroup) -> FormatCode:
    storage = synapses.format
    if isinstance(storage, FormatCode):
        return storage
    if type(storage) not in _CODE:
        raise UnsupportedError(
            f"Connection '{synapses.name}': format {storage.name!r} "
            f"({type(storage).__name__}) has no loop over synapses. Derive it from "
            "ml_genn.codegen.formats.FormatCode as well."
        )
    return _CODE[type(storage)](storage)


@dataclass(frozen=True, slots=True)
class SynapseBySynapse(FormatCode):
    """Code of a format without its methods for whole rows.

    Args:
        code: the format's code.
    """

    code: FormatCode

    def each_synapse(
        self, writer: CodeWriter, names: Names, synapses: SynapseGroup
    ) -> AbstractContextManager[None]:
        """Emits the format's loop over the synapses of neuron ``j_``."""
        return self.code.each_synapse(writer, names, synapses)

    def prefetch(
        self, names: Names, synapses: SynapseGroup, arrays: Sequence[str]
    ) -> list[str]:
        """Returns the format's prefetch of a later row."""
        return self.code.prefetch(names, synapses, arrays)
