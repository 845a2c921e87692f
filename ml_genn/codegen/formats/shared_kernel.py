"""Code of convolutions: patches of an image whose weights are shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_genn.codegen.formats.arrays import index_array
from ml_genn.codegen.formats.format_code import FormatCode
from ml_genn.codegen.formats.transposed_weights import TransposedWeights
from ml_genn.codegen.names import Names
from ml_genn.codegen.parallel_loops import each_in_team
from ml_genn.codegen.sizes import padded
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import SynapseGroup
from ml_genn.model.plan.kernel import Kernel

#: Numbers that a table has for each row or column of pixels: first target, first place
#: in the kernel, number of targets.
REACH = 3


@dataclass(frozen=True, slots=True)
class SharedKernelCode(FormatCode):
    """Code of `SharedKernelFormat`.

    Args:
        kernel: the patches and the shape of the weights.
    """

    kernel: Kernel

    @contextmanager
    def each_synapse(
        self, writer: CodeWriter, names: Names, synapses: SynapseGroup
    ) -> Iterator[None]:
        """Emits loops over the patch of neuron ``j_``.

        The weights and targets of one row of the patch are contiguous; if each channel
        has filters of its own, those of one of its pixels are.
        """
        kernel = self.kernel
        rows, columns = _reach(names, synapses)
        width, channels = kernel.columns.source, kernel.channels
        own = f" + channel_ * {kernel.filters}" if kernel.channelwise else ""
        source = f"{kernel.rows.source} x {width} x {channels}"
        target = f"{kernel.rows.target} x {kernel.columns.target} x {kernel.depth}"
        writer.comment(
            f"patch of pixel (y, x) and channel of source {source}: "
            f"{kernel.rows.size} x {kernel.columns.size} pixels of target {target}"
        )
        writer.lines(
            (
                f"const int32_t pixel_ = int32_t(j_) / {channels};",
                f"const int32_t channel_ = int32_t(j_) % {channels};",
                f"const int32_t *rows_ = {rows} + pixel_ / {width} * {REACH};",
                f"const int32_t *columns_ = {columns} + pixel_ % {width} * {REACH};",
                "const int64_t first_weight_ = "
                f"(int64_t(channel_ * {kernel.rows.size} + rows_[1]) "
                f"* {kernel.columns.size} + columns_[1]) * {kernel.filters};",
                f"const int64_t first_target_ = (int64_t(rows_[0]) * "
                f"{kernel.columns.target} + columns_[0]) * {kernel.depth}{own};",
            )
        )
        next_weights = kernel.columns.size * kernel.filters
        next_targets = kernel.columns.target * kernel.depth
        with writer.block("for (int32_t y_ = 0; y_ < rows_[2]; ++y_)"):
            weights = f"first_weight_ + y_ * {next_weights}"
            targets = f"first_target_ + y_ * {next_targets}"
            if not kernel.channelwise:
                count = f"columns_[2] * {kernel.filters}"
                with _contiguous(writer, weights, targets, count):
                    yield
                return
            with writer.block("for (int32_t x_ = 0; x_ < columns_[2]; ++x_)"):
                weights += f" + x_ * {kernel.filters}"
                targets += f" + x_ * {kernel.depth}"
                with _contiguous(writer, weights, targets, str(kernel.filters)):
                    yield

    def transposed(
        self, names: Names, synapses: SynapseGroup
    ) -> TransposedWeights | None:
        """Returns the transposed kernel; None if channels have different targets."""
        if self.kernel.channelwise:
            return None
        return TransposedKernel(names, synapses, self.kernel)


@contextmanager
def _contiguous(
    writer: CodeWriter, weights: str, targets: str, count: str
) -> Iterator[None]:
    """Emits a loop over ``count`` weights and targets that are contiguous."""
    writer.line(f"const int64_t weights_ = {weights}, targets_ = {targets};")
    writer.line("MLG_LOOP")
    with writer.block(each_in_team("int64_t", "k_", count)):
        writer.line("const int64_t synapse_ = weights_ + k_, target_ = targets_ + k_;")
        yield


@dataclass(frozen=True, slots=True)
class TransposedKernel(TransposedWeights):
    """A row of channels for each weight of a channel.

    Args:
        kernel: the patches and the shape of the weights.
    """

    kernel: Kernel

    def shape(self) -> tuple[int, int]:
        """Returns (channels, weights of a channel)."""
        return self.kernel.channels, self.kernel.size // self.kernel.channels

    def size(self) -> str:
        """C for its size: rows of channels are padded."""
        channels, weights = self.shape()
        return str(padded(channels) * weights)

    def copy(self, to: str) -> str:
        """C statement with which the first thread copies the kernel."""
        channels, weights = self.shape()
        transpose = f"mlg::transpose<{channels}, {weights}>({self.weight}, {to});"
        return f"if (thread_ == 0) {transpose}"

    def backprop_example(self, weights: str) -> str:
        """C statement that passes gradients back to all pixels of an example
        (``synapses/convolution.h``)."""
        kernel, rows, columns = self.kernel, self.kernel.rows, self.kernel.columns
        sizes = kernel.channels, rows.source, columns.source, columns.target
        shape = ", ".join(map(str, (*sizes, columns.size, kernel.filters)))
        reach = ", ".join(_reach(self.names, self.synapses))
        arguments = f"spike_grads_[m_], {weights}, backprop_[m_], {reach}"
        return f"mlg::convolution_backward<{shape}>({arguments});"


def _reach(names: Names, synapses: SynapseGroup) -> tuple[str, str]:
    """C for pointers to the tables of what rows and columns of pixels reach."""
    rows, columns = (
        index_array(names, f"patch_{axis}", synapses) for axis in ("rows", "columns")
    )
    return rows, columns
