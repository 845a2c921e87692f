"""Lowering of a plan to records of a GeNN model: populations and custom updates."""

__all__: list[str] = []
