"""Training loop: data adapters, epochs, metrics and history.

`data` turns arguments of users into batches, `loop` runs epochs over them, `metrics`
and `population_dict` hold results by output, `history` holds numbers by epoch. The
compiled network runs each batch.
"""

__all__ = ["data", "history", "loop", "metrics", "population_dict"]
