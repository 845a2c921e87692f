"""The backward pass of a neuron group."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.model.plan.code import Code

SPIKE_TIME_GRAD = "dL_dt_"  #: derivative of the loss by the time of a spike
SPIKE_GRAD = "dL_ds_"  #: derivative of the loss by a spike
#: derivative of the rate regulariser by the threshold expression
RATE_REGULARISATION_GRAD = "rate_regularisation_grad_"
BATCH_SCALE = "scale_"  #: 1 / batch size
#: gradient that the loss adds to the adjoint of the output variable in the step before
PREV_STEP_LOSS_GRAD = "prev_step_loss_grad_"


@dataclass(frozen=True, slots=True)
class PortAdjoint:
    """Gradients of a spike that arrives at a port, read off the target's adjoint.

    Args:
        weight_grad: dL/dw of a spike that arrives in this step.
        backprop: times the weight, the gradient that is passed back to the source
            neuron: under EventProp dL/dt of the arrival, with surrogate gradients
            dL/ds of the spike. It may read ``prev_step_loss_grad_``, the gradient
            that the loss adds to the output's adjoint in the step before.
        reads: names in both expressions.
    """

    weight_grad: str
    backprop: str
    reads: frozenset[str] = frozenset()

    @property
    def backprops_weight_grad(self) -> bool:
        """True if the gradient that is passed back is dL/dw itself."""
        return self.backprop == self.weight_grad


@dataclass(frozen=True, slots=True)
class SurrogateAdjoint:
    """Adjoint of a spike through a surrogate derivative, at the active neurons.

    A neuron is active in a step if its surrogate derivative is not zero there.

    Args:
        condition: true where a neuron is active in a step, before its reset.
        record: run at active neurons before the reset; assigns ``records``, or
            buffers.
        records: names of the numbers recorded for each active neuron.
        reset: adds to ``dL_ds_``, the derivative of the loss by the spike, the term of
            the reset that comes with the spike.
        jump: adjoint before the spike from ``dL_ds_`` and ``records``.
    """

    condition: str
    record: Code
    records: tuple[str, ...]
    reset: Code
    jump: Code

    @property
    def all_active(self) -> bool:
        """True if all neurons are active in each step."""
        return self.condition == "true"


@dataclass(frozen=True, slots=True)
class Adjoint:
    """The backward pass of a neuron group, in reverse time.

    Args:
        variables: names of adjoint variables: ``lambda_<x> = dL/dx``, and those of
            events.
        tape: state variables whose value at the start of each step is recorded.
        step: adjoint before a step from the adjoint after it.
        record: run at forward spikes before the reset; assigns ``records``.
        records: names of the numbers recorded with each spike.
        jump: adjoint before a spike from the adjoint after it, from ``records`` and
            ``dL_dt_``, the derivative of the loss by the time of the spike.
        ports: one for each port of the group.
        rate_regularisation: adds to the adjoint at a spike the gradient of the rate
            regulariser, ``rate_regularisation_grad_``, which acts on the threshold
            crossing.
        surrogate: adjoint of spikes for rules with a surrogate derivative; None where
            spikes are exact.
        eligible: adjoint variables through which the past acts on later spikes and
            losses; empty where gradients are exact.
        decay: factor by which the only eligible variable decays in a step, as an
            expression over parameters and ``dt``; empty where there are several, or
            spikes, or where it depends on the state.
        event_variables: adjoint variables of events, which belong to no variable of
            the state.
    """

    variables: tuple[str, ...]
    tape: tuple[str, ...]
    step: Code
    record: Code
    records: tuple[str, ...]
    jump: Code
    ports: tuple[PortAdjoint, ...]
    rate_regularisation: Code
    surrogate: SurrogateAdjoint | None = None
    eligible: tuple[str, ...] = ()
    decay: str = ""
    event_variables: tuple[str, ...] = ()
