"""What the CUDA engine does not run; it says so before anything is built."""

from __future__ import annotations

from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import Plan

REMEDY = "Use backend='cpu'."


def check(plan: Plan) -> None:
    """Refuses plans that need what the engine does not have.

    Raises:
        UnsupportedError: with the population or connection, the reason and a remedy.
    """
    if plan.online:
        names = ", ".join(f"'{g.name}'" for g in plan.neurons if g.adjoint)
        raise UnsupportedError(
            f"Populations {names}: backend 'cuda' has no online mode of e-prop. Use "
            "mode='event_driven', which gives the same gradients, or backend='cpu'."
        )
