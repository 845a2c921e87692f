"""Code of dense synapses: a weight for each pair of neurons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.formats.arrays import array
from ml_genn.codegen.formats.format_code import FormatCode
from ml_genn.codegen.formats.transposed_weights import TransposedWeights
from ml_genn.codegen.names import Names
from ml_genn.codegen.parallel_loops import each_in_team
from ml_genn.codegen.signatures import MEMBER_ARGUMENTS
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import SynapseGroup


class DenseCode(FormatCode):
    """Code of `DenseFormat`: rows of weights are complete and added as vectors."""

    complete_rows = True
    splits_targets = True

    def has_row_code(self, synapses: SynapseGroup) -> bool:
        """True unless weights are subtracted."""
        return not synapses.negates

    @contextmanager
    def each_synapse(
        self, writer: CodeWriter, names: Names, synapses: SynapseGroup
    ) -> Iterator[None]:
        """Emits a loop over a row of the matrix."""
        target = synapses.target
        writer.line(f"const size_t first_synapse_ = j_ * {names.width(target)};")
        writer.line("MLG_LOOP")
        with writer.block(each_in_team("int", "target_", names.size(target))):
            writer.line("const size_t synapse_ = first_synapse_ + target_;")
            yield

    def deliver(
        self,
        writer: CodeWriter,
        names: Names,
        synapses: SynapseGroup,
        port: str,
        spikes: str,
    ) -> None:
        """Emits code that adds rows of all spikes while a part of ``port`` is in
        registers."""
        width = names.width(synapses.target)
        part = f"mlg::member_range<{width}>({MEMBER_ARGUMENTS})"
        targets = f"ALL ? mlg::Range<int>{{0, {width}}} : {part}"
        weight = array(names, "weight", synapses)
        writer.line(f"mlg::add_rows<{width}>({port}, {weight}, {spikes}, {targets});")

    def backward_row(
        self,
        writer: CodeWriter,
        names: Names,
        synapses: SynapseGroup,
        k: int,
        learn: bool,
        into: str | None,
    ) -> None:
        """Emits the gradient that is passed back; weights learn in blocks of steps."""
        width = names.width(synapses.target)
        dot = f"mlg::dot<{width}>(weight{k}_ + j_ * {width}, backprop{k}_)"
        writer.line(f"{into} += {dot};")

    def transposed(self, names: Names, synapses: SynapseGroup) -> TransposedWeights:
        """Returns the transposed matrix."""
        return TransposedMatrix(names, synapses)

    def dot(self, names: Names, synapses: SynapseGroup, row: str) -> str:
        """C for the product of a row of weights and a row of targets."""
        width = names.width(synapses.target)
        weight = array(names, "weight", synapses)
        return f"mlg::dot<{width}>({weight} + j_ * {width}, {row})"

    def online_gradient(
        self, names: Names, synapses: SynapseGroup, gradient: str
    ) -> str:
        """C++ object that adds to rows of the gradient."""
        return f"mlg::DenseGradient{{{gradient}, {names.width(synapses.target)}}}"


class TransposedMatrix(TransposedWeights):
    """A row of weights for each target, in tiles as the engine multiplies them."""

    def shape(self) -> tuple[int, int]:
        """Returns (sources, targets)."""
        neuron = self.names.plan.neuron
        return neuron(self.synapses.source).size, neuron(self.synapses.target).size

    def size(self) -> str:
        """C for its size, which depends on the engine's registers."""
        sources, targets = self.shape()
        return f"mlg::transposed_size({sources}, {targets})"

    def copy(self, to: str) -> str:
        """C statement that copies the thread's tiles."""
        names, source, target = self.names, self.synapses.source, self.synapses.target
        shape = f"{names.size(source)}, {names.width(target)}, {names.size(target)}"
        arguments = f"{self.weight}, {to}, thread_, threads_"
        return f"mlg::transpose_tiles<{shape}>({arguments});"

    def backprop_all(self, weights: str) -> str:
        """C statement that reads each weight once for all examples."""
        sources, targets = self.shape()
        arguments = f"spike_grads_, {weights}, backprop_, num_chosen_, range_"
        return f"mlg::add_transposed<{sources}, {targets}>({arguments});"
