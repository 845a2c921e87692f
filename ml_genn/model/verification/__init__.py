"""Verification of plans, before code is generated from them."""

from ml_genn.model.verification.plan import verify

__all__ = ["verify"]
