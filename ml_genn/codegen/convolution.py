"""Loops over convolution synapses: patches of an image that share a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.parallel_loops import each_in_team
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import SynapseGroup
from ml_genn.model.plan.kernel import Kernel

#: Numbers that a table has for each row or column of pixels: first target, first place
#: in the kernel, number of targets.
REACH = 3


@contextmanager
def each_in_patch(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, kernel: Kernel
) -> Iterator[None]:
    """Emits a loop over the weights ``synapse_`` of neuron ``j_``, each to ``target_``.

    The weights and targets of one row of the patch are contiguous; if each channel has
    filters of its own, those of one of its pixels are.
    """
    width, channels = kernel.columns.source, kernel.channels
    own = f" + channel_ * {kernel.filters}" if kernel.channelwise else ""
    writer.comment(
        f"patch of pixel (y, x) and channel of source {kernel.rows.source} x {width} x "
        f"{channels}: {kernel.rows.size} x {kernel.columns.size} pixels of target "
        f"{kernel.rows.target} x {kernel.columns.target} x {kernel.depth}"
    )
    writer.lines(
        (
            f"const int32_t pixel_ = int32_t(j_) / {channels};",
            f"const int32_t channel_ = int32_t(j_) % {channels};",
            f"const int32_t *rows_ = {_reach(layout, synapses, 'rows')} + "
            f"pixel_ / {width} * {REACH};",
            f"const int32_t *columns_ = {_reach(layout, synapses, 'columns')} + "
            f"pixel_ % {width} * {REACH};",
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


def convolution_backward(
    layout: Layout, synapses: SynapseGroup, kernel: Kernel, arguments: str
) -> str:
    """C call that passes gradients back to all pixels (``synapses/convolution.h``)."""
    rows, columns = kernel.rows, kernel.columns
    sizes = kernel.channels, rows.source, columns.source, columns.target
    shape = ", ".join(map(str, (*sizes, columns.size, kernel.filters)))
    reach = ", ".join(_reach(layout, synapses, axis) for axis in ("rows", "columns"))
    return f"mlg::convolution_backward<{shape}>({arguments}, {reach})"


def _reach(layout: Layout, synapses: SynapseGroup, axis: str) -> str:
    """C for a pointer to the table of what pixels along an axis reach."""
    index = layout.names.array(f"patch_{axis}", synapses.stored)
    return f"reinterpret_cast<const int32_t *>(call_.arrays[{index}])"
