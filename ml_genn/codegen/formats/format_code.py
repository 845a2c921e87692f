"""Base of the code of a storage format, whose methods loop over synapses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from ml_genn.codegen.formats.arrays import add, array
from ml_genn.codegen.formats.transposed_weights import TransposedWeights
from ml_genn.codegen.names import Names
from ml_genn.codegen.spike_list_loops import each_arriving
from ml_genn.codegen.writer import CodeWriter
from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import SynapseGroup


class FormatCode(ABC):
    """C code that visits the synapses of one storage format.

    A format defines one method, `each_synapse`; the forward and the backward pass
    follow from it. The other methods have faster code for whole rows of synapses. They
    are for groups whose spikes arrive in one step; synapses with delays of their own
    are visited one by one.

    Methods emit C or return it. ``j_`` is the source neuron, ``synapse_`` the index of
    a weight as the engine stores it, ``target_`` the target neuron; ``names`` has the
    C names of sizes and arrays.

    Attributes:
        complete_rows: True if row ``j_`` of the weights starts at ``j_`` times the
            padded size of the target and has a weight for each target, in order. The
            engine then sums gradients of weights over blocks of steps, and passes
            gradients back to several neurons at once. False by default.
        splits_targets: True if `deliver` adds to a part of the targets where the
            template parameter ``ALL`` is false, so that several threads can run one
            example. False by default.
        reads_interleaved_adjoints: True if `backward_row` reads its gradients through
            ``grads<k>_`` only, which may be computed from two adjoint variables that
            are stored side by side. False by default.
    """

    complete_rows: ClassVar[bool] = False
    splits_targets: ClassVar[bool] = False
    reads_interleaved_adjoints: ClassVar[bool] = False

    @abstractmethod
    def each_synapse(
        self, writer: CodeWriter, names: Names, synapses: SynapseGroup
    ) -> AbstractContextManager[None]:
        """Emits a loop over the synapses of neuron ``j_``: ``synapse_``, each to
        ``target_``. What is emitted inside it may use ``continue``.

        The lanes of a team split the loop (`ml_genn.codegen.parallel_loops`).
        """

    def has_row_code(self, synapses: SynapseGroup) -> bool:
        """True if the methods below, as far as they are overridden, fit a group."""
        return True

    # ------------------------------------------------------------ forward pass
    def deliver(
        self,
        writer: CodeWriter,
        names: Names,
        synapses: SynapseGroup,
        port: str,
        spikes: str,
    ) -> None:
        """Emits code that adds the weights of arriving spikes to a row of inputs.

        Args:
            writer: output for the C code.
            names: names in C.
            synapses: the group.
            port: C for a pointer to the row of inputs.
            spikes: C for the spikes, an ``mlg::Spikes``.
        """
        with writer.block(""):
            weight = array(names, "weight", synapses)
            writer.line(f"const float *__restrict weight_ = {weight};")
            writer.line(f"float *__restrict port_ = {port};")
            writer.line("MLG_SYNC;")
            with each_arriving(writer, spikes):
                writer.lines(self.prefetch(names, synapses, ("weight_",)))
                self.add_row(writer, names, synapses)
            writer.line("MLG_SYNC;")

    def add_row(self, writer: CodeWriter, names: Names, synapses: SynapseGroup) -> None:
        """Emits code that adds weights ``weight_`` of neuron ``j_`` to ``port_``."""
        with self.each_synapse(writer, names, synapses):
            writer.line(f"{add(synapses, 'port_[target_]', 'weight_[synapse_]')};")

    def prefetch(
        self, names: Names, synapses: SynapseGroup, arrays: Sequence[str]
    ) -> list[str]:
        """Returns C that prefetches the row of a later neuron of a list; none by
        default.

        Args:
            names: names in C.
            synapses: the group.
            arrays: C for pointers to values of synapses that will be read. Neurons are
                ``id_[entry_]``; ``entry_`` is less than ``count_``.
        """
        return []

    # ------------------------------------------------------------ backward pass
    def declare_grads(self, k: int, read: Sequence[str]) -> list[str]:
        """Returns C declarations for `backward_row`, made before the loop over neurons;
        none by default.

        Args:
            k: number of the group among those out of its source.
            read: rows that are read of "weight_grad" and "backprop"; at least one.
        """
        return []

    def backward_row(
        self,
        writer: CodeWriter,
        names: Names,
        synapses: SynapseGroup,
        k: int,
        learn: bool,
        into: str | None,
    ) -> None:
        """Emits the backward pass of the synapses of neuron ``j_``:

            gradient<k>_[synapse_] += weight_grad<k>_[target_]          if learn
            into += sum of weight<k>_[synapse_] * backprop<k>_[target_]

        Args:
            writer: output for the C code.
            names: names in C.
            synapses: the group.
            k: number of the group among those out of its source.
            learn: True if gradients of weights are added.
            into: C variable for the gradient of ``j_``; None where none is passed back.
        """
        if into:
            writer.line("float backprop_ = 0.0f;")
        with self.each_synapse(writer, names, synapses):
            if learn:
                to, grad = f"gradient{k}_[synapse_]", f"weight_grad{k}_[target_]"
                writer.line(f"{add(synapses, to, grad)};")
            if into:
                product = f"weight{k}_[synapse_] * backprop{k}_[target_]"
                writer.line(f"backprop_ += {product};")
        if into:
            writer.line(f"{into} += MLG_SUM(backprop_);")

    def transposed(
        self, names: Names, synapses: SynapseGroup
    ) -> TransposedWeights | None:
        """Returns the code of weights in the order of targets, by which gradients are
        passed back where all neurons may be active; None (default) without."""
        return None

    # ------------------------------------------------------------ learning online
    def dot(self, names: Names, synapses: SynapseGroup, row: str) -> str:
        """C for the sum over synapses of neuron ``j_`` of weight times ``row`` of the
        target.

        Raises:
            UnsupportedError: if the format has none.
        """
        raise _not_online(synapses)

    def online_gradient(
        self, names: Names, synapses: SynapseGroup, gradient: str
    ) -> str:
        """C++ object that adds gradients of weights online (``mlg::update_traces``).

        Raises:
            UnsupportedError: if the format has none.
        """
        raise _not_online(synapses)


def _not_online(synapses: SynapseGroup) -> UnsupportedError:
    return UnsupportedError(
        f"Connection '{synapses.name}': synapses in format {synapses.format.name!r} do "
        "not learn online. Use Dense or Sparse connectivity, or another mode."
    )
