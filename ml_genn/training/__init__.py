"""Training loop: data adapters, epochs, metrics and history.

`data` turns arguments of users into batches, `loop` runs epochs over them, `metrics`
and `population_dict` group results by output, `history` lists them by epoch. The
compiled network runs each batch.
"""

__all__ = ["data", "history", "loop", "metrics", "population_dict"]
