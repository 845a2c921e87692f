"""Patches of an image: the targets of a neuron whose weights are a shared kernel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.parallel_loops import each_in_team
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import SynapseGroup
from ml_genn.model.plan.kernel import Kernel


@contextmanager
def each_in_patch(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, kernel: Kernel
) -> Iterator[None]:
    """A loop over the weights ``e_`` of neuron ``j_``, each leading to ``i_``.

    What a row of the patch takes is one stretch of weights and of targets; if each
    channel has filters of its own, a pixel of it is.
    """
    width, channels = kernel.columns.source, kernel.channels
    own = f" + channel_ * {kernel.filters}" if kernel.channelwise else ""
    writer.lines(
        (
            f"const int32_t pixel_ = int32_t(j_) / {channels};",
            f"const int32_t channel_ = int32_t(j_) % {channels};",
            f"const int32_t *down_ = {_reach(layout, synapses, 'rows')} + "
            f"pixel_ / {width} * 3;",
            f"const int32_t *across_ = {_reach(layout, synapses, 'columns')} + "
            f"pixel_ % {width} * 3;",
            f"const int64_t from_ = (int64_t(channel_ * {kernel.rows.size} + down_[1]) "
            f"* {kernel.columns.size} + across_[1]) * {kernel.filters};",
            f"const int64_t to_ = (int64_t(down_[0]) * {kernel.columns.target} + "
            f"across_[0]) * {kernel.depth}{own};",
        )
    )
    next_weights = kernel.columns.size * kernel.filters
    next_targets = kernel.columns.target * kernel.depth
    with writer.block("for (int32_t r_ = 0; r_ < down_[2]; ++r_)"):
        weights, targets = f"from_ + r_ * {next_weights}", f"to_ + r_ * {next_targets}"
        if not kernel.channelwise:
            count = f"across_[2] * {kernel.filters}"
            with _stretch(writer, weights, targets, count):
                yield
            return
        with writer.block("for (int32_t q_ = 0; q_ < across_[2]; ++q_)"):
            weights += f" + q_ * {kernel.filters}"
            targets += f" + q_ * {kernel.depth}"
            with _stretch(writer, weights, targets, str(kernel.filters)):
                yield


@contextmanager
def _stretch(
    writer: CodeWriter, weights: str, targets: str, count: str
) -> Iterator[None]:
    writer.line(f"const int64_t weights_ = {weights}, targets_ = {targets};")
    writer.line("MLG_LOOP")
    with writer.block(each_in_team("int64_t", "f_", count)):
        writer.line("const int64_t e_ = weights_ + f_, i_ = targets_ + f_;")
        yield


def add_patches(
    layout: Layout, synapses: SynapseGroup, kernel: Kernel, given: str
) -> str:
    """C that adds what patches send back to all neurons; see synapses/convolution.h."""
    rows, columns = kernel.rows, kernel.columns
    sizes = kernel.channels, rows.source, columns.source, columns.target
    shape = ", ".join(map(str, (*sizes, columns.size, kernel.filters)))
    reach = ", ".join(_reach(layout, synapses, axis) for axis in ("rows", "columns"))
    return f"convolution_backward<{shape}>({given}, {reach})"


def _reach(layout: Layout, synapses: SynapseGroup, axis: str) -> str:
    """C for what the pixels along an axis reach."""
    index = layout.arrays[f"patch_{axis}", synapses.stored, ""]
    return f"reinterpret_cast<const int32_t *>(c_.arrays[{index}])"
