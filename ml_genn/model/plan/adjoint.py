"""The backward pass of a neuron group."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.model.plan.code import Code


@dataclass(frozen=True, slots=True)
class PortAdjoint:
    """What a synapse into a port sees of its target in the backward pass.

    Args:
        weight: dL/dw of a spike that arrives now.
        back: weight * ``back`` is what flows back to the source: under EventProp dL/dt
            of the arrival, with surrogate gradients dL/ds of the spike. It may read
            ``look_``, what the loss adds to the output's adjoint one step sooner.
        reads: names in both.
    """

    weight: str
    back: str
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Active:
    """Where a spike is given a slope: a neuron near its threshold is active.

    Args:
        condition: whether a neuron is active in a step, before its reset.
        record: run where it is active, before the reset; assigns ``records``, or
            buffers.
        records: numbers kept with each active entry.
        reset: adds to ``dL_ds_``, the derivative of the loss by the spike, what the
            reset that comes with it does.
        jump: adjoint before the spike from ``dL_ds_`` and ``records``.
    """

    condition: str
    record: Code
    records: tuple[str, ...]
    reset: Code
    jump: Code

    @property
    def everywhere(self) -> bool:
        """Whether all neurons are active in each step."""
        return self.condition == "true"


@dataclass(frozen=True, slots=True)
class Adjoint:
    """The backward pass of a neuron group, in reverse time.

    Args:
        variables: adjoint variables, ``lambda_<x> = dL/dx``.
        tape: state variables whose value at the start of each step is recorded.
        step: adjoint before a step from the adjoint after it.
        record: run at forward spikes before the reset; assigns ``records``.
        records: numbers kept with each spike.
        jump: adjoint before a spike from the adjoint after it, from ``records`` and
            ``dL_dt_``, the derivative of the loss by the time of the spike.
        ports: one for each port of the group.
        push: assigns to the adjoint variables the effect of ``amount_`` on the
            threshold crossing (regularisation).
        active: for rules with a surrogate gradient.
        eligible: adjoint variables through which the past acts on later spikes and
            losses; empty where gradients are exact.
        decay: how much of the only eligible variable is left after a step, as an
            expression over parameters and ``dt``; empty where there are several, or
            spikes, or where it depends on the state.
    """

    variables: tuple[str, ...]
    tape: tuple[str, ...]
    step: Code
    record: Code
    records: tuple[str, ...]
    jump: Code
    ports: tuple[PortAdjoint, ...]
    push: Code
    active: Active | None = None
    eligible: tuple[str, ...] = ()
    decay: str = ""
