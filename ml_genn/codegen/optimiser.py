"""Optimiser steps: from a gradient to new weights, delays and parameters."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.signatures import unused
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    Code,
    LearnedKind,
    OptimiserUpdate,
)


@dataclass(frozen=True, slots=True)
class _Step:
    """An optimiser's step, the same for all arrays that it updates.

    Args:
        slots: names of the numbers stored for each element.
        scalars: names of the numbers passed each step.
        code: the statements of one element.
        is_delay: True if the array holds delays, whose whole steps are stored as well.
    """

    slots: tuple[str, ...]
    scalars: tuple[str, ...]
    code: Code
    is_delay: bool


def update_function(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``update``: one optimiser step on elements first_ <= k < last_.

    It returns the bits of the largest absolute number that the step stores.
    """
    functions: dict[_Step, str] = {}
    for update in layout.plan.updates:
        step = _step_of(update)
        if step not in functions:
            functions[step] = f"optimise{len(functions)}_"
            _step_function(writer, functions[step], step)
    head = (
        "template <bool STORE> static uint32_t update(const Call &call_, "
        "int64_t learned_, int64_t first_, int64_t last_, const float *gradient_, "
        "const float *norms_)"
    )
    with writer.function(head):
        for update in layout.plan.updates:
            _call(writer, layout, update, functions[_step_of(update)])
        unused(writer, "call_", "learned_", "first_", "last_", "gradient_", "norms_")
        writer.line("return 0;")


def _step_of(update: OptimiserUpdate) -> _Step:
    is_delay = update.target.kind is LearnedKind.DELAY
    return _Step(update.slots, update.scalars, update.code, is_delay)


def _call(
    writer: CodeWriter, layout: Layout, update: OptimiserUpdate, function: str
) -> None:
    names, target = layout.names, update.target
    values = names.array(target.kind.value, target.owner, target.name)
    steps = "nullptr"
    if target.kind is LearnedKind.DELAY:
        delay_steps = f"call_.arrays[{names.array('delay_steps', target.owner)}]"
        steps = f"reinterpret_cast<int32_t *>({delay_steps})"
    gradient = names.gradient(target)
    slots, scalars = (names.optimiser(target, what) for what in ("slots", "scalars"))
    writer.comment(str(target))
    writer.line(f"if (learned_ == {gradient})")
    writer.line(
        f"  return {function}<STORE>(call_.arrays[{values}], {steps}, "
        f"call_.slots + {slots}, call_.optimiser_scalars + {scalars}, "
        f"first_, last_, gradient_, norms_[{gradient}], norms_[LEARNED]);"
    )


def _step_function(writer: CodeWriter, name: str, step: _Step) -> None:
    _indices(writer, f"{name}slot", step.slots)
    _indices(writer, f"{name}scalar", step.scalars)
    head = (
        f"template <bool STORE> static uint32_t {name}(float *__restrict x_p_, "
        "int32_t *__restrict steps_p_, "
        "float *const *slots_, const float *scalars_, int64_t first_, int64_t last_, "
        "const float *__restrict gradient_p_, "
        f"float {GRADIENT_NORM}, float {GLOBAL_NORM})"
    )
    with writer.function(head):
        for slot in step.slots:
            writer.line(f"float *__restrict {slot}_p_ = slots_[{name}slot::{slot}];")
        for scalar in step.scalars:
            writer.line(f"const float {scalar} = scalars_[{name}scalar::{scalar}];")
        writer.line("uint32_t largest_ = 0;")
        writer.line("MLG_LOOP")
        with writer.block("for (int64_t j_ = first_; j_ < last_; ++j_)"):
            writer.line("float gradient = gradient_p_[j_];")
            writer.line("float x = x_p_[j_];")
            for slot in step.slots:
                writer.line(f"float {slot} = {slot}_p_[j_];")
            writer.lines(step.code.lines)
            for number in ("x", *step.slots):
                bits = f"mlg::abs_bits({number})"
                writer.line(f"largest_ = mlg::larger(largest_, {bits});")
            writer.line("if (!STORE) continue;")
            writer.line("x_p_[j_] = x;")
            if step.is_delay:
                writer.line("steps_p_[j_] = int32_t(x + 0.5f);")
            for slot in step.slots:
                writer.line(f"{slot}_p_[j_] = {slot};")
        writer.line("return largest_;")


def _indices(writer: CodeWriter, namespace: str, names: tuple[str, ...]) -> None:
    """Defines ``<namespace>::<name>``, the index of each name."""
    if names:
        writer.line(f"namespace {namespace} {{ enum {{ {', '.join(names)} }}; }}")
