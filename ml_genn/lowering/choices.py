"""Choices of a network: decided by the first compiler, used by all later ones."""

from __future__ import annotations

import warnings
from typing import Any

from ml_genn.backends import stacklevel_of_user
from ml_genn.errors import TrainingWarning
from ml_genn.graph.decisions import Decisions
from ml_genn.network import Network
from ml_genn.utils.choices import Choices, Decision, decisions_of

_SHOWN = 3  #: choices that a warning names


def decide(network: Network, choices: Choices, compiler: str, dt: float) -> Decisions:
    """Returns the decisions for all choices of a network; it is not changed.

    Warns if the compiler has other preferences than the decisions of an earlier one, or
    another time step than the training of the weights.

    Args:
        network: the network.
        choices: preferences of the compiler.
        compiler: class of the compiler.
        dt: time step [ms].

    Raises:
        ValidationError: if an argument contradicts an earlier decision.
    """
    decisions = Decisions(
        {
            p.name: decisions_of(
                f"Population '{p.name}'", p.neuron, p.decisions, choices, compiler
            )
            for p in network.populations
        },
        {
            c.name: decisions_of(
                f"Connection '{c.name}'", c.synapse, c.decisions, choices, compiler
            )
            for c in network.connections
        },
        Decision(dt, compiler),
    )
    _warn_of_preferences(network, decisions, choices, compiler)
    warn_of_time_step(network.time_step, dt, compiler)
    return decisions


def _warn_of_preferences(
    network: Network, decisions: Decisions, choices: Choices, compiler: str
) -> None:
    models: list[tuple[Any, Any]] = [
        *((p, p.neuron) for p in network.populations),
        *((c, c.synapse) for c in network.connections),
    ]
    differing = [
        (f"{owner.name}: {name}={decision.value}", decision)
        for owner, model in models
        for name, decision in decisions.of(owner).items()
        if decision.binding
        and choices.get(type(model), {}).get(name, decision.value) != decision.value
    ]
    if not differing:
        return
    texts = [text for text, _ in differing[:_SHOWN]]
    more = ", ..." if len(differing) > _SHOWN else ""
    warnings.warn(
        f"{compiler}: this network keeps choices of {differing[0][1].origin} that "
        f"{compiler} would make otherwise: {', '.join(texts)}{more}. They are used as "
        "they are. Call network.reset_choices() before compiling to choose again, or "
        "write the arguments where the network is made.",
        TrainingWarning,
        stacklevel=stacklevel_of_user(),
    )


def warn_of_time_step(trained: Decision | None, dt: float, compiler: str) -> None:
    """Warns if weights run with another time step than that of their training.

    Args:
        trained: time step of the training; None if there was none.
        dt: time step [ms].
        compiler: subject of the warning.
    """
    if trained is None or trained.value == dt:
        return
    warnings.warn(
        f"{compiler}: dt={dt:g} ms, but the weights of this network belong to "
        f"dt={trained.value:g} ms of {trained.origin}. Results will differ; pass "
        f"dt={trained.value:g}.",
        TrainingWarning,
        stacklevel=stacklevel_of_user(),
    )
