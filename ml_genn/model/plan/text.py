"""A plan as text."""

from __future__ import annotations

from ml_genn.model.plan import Code, Delay, Format, NeuronGroup, Plan


def plan_text(plan: Plan) -> str:
    """Everything a plan holds, readable."""
    lines = ["gradients are taken while it runs"] if plan.online else []
    for group in plan.neurons:
        lines += _group(group)
    for s in plan.synapses:
        flags = [] if s.delivers else ["feedback"]
        flags += [s.format.value] if s.format is not Format.DENSE else []
        flags += [f"delay={s.delay.value}"] if s.delay is not Delay.NONE else []
        flags += ["learn"] if s.learn else []
        flags += ["learn delay"] if s.learn_delay else []
        flags += ["backpropagates"] if s.backpropagates else []
        flags += ["rewired"] if s.rewired else []
        note = f" ({', '.join(flags)})" if flags else ""
        lines.append(f"synapses {s.name}: {s.source} -> {s.target}.{s.port}{note}")
    for update in plan.updates:
        lines.append(f"update {update.target}")
        lines += _code("each weight", update.code)
    return "\n".join(lines)


def _group(group: NeuronGroup) -> list[str]:
    kind = " (spikes from data)" if group.events else ""
    kind += " (acts in some steps)" if group.window else ""
    lines = [f"neurons {group.name}: {group.size}{kind}"]
    if group.variables:
        lines.append("  state: " + ", ".join(v.name for v in group.variables))
    for constant in group.constants:
        each = " per neuron" if constant.per_neuron else ""
        lines.append(f"  {constant.name} = {constant.expression}{each}")
    if group.buffers:
        lines.append("  of each step: " + ", ".join(group.buffers))
    lines += _code("step", group.step)
    if group.threshold:
        lines.append(f"  spike if {group.threshold}")
    lines += _code("reset", group.reset)
    if group.adjoint:
        for slot in ("step", "record", "jump"):
            lines += _code(f"adjoint {slot}", getattr(group.adjoint, slot))
    return lines


def _code(title: str, code: Code) -> list[str]:
    return [f"  {title}:", *(f"    {line}" for line in code.lines)] if code else []
