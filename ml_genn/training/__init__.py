"""Data adapters, the loop over epochs and batches, and what callbacks are told.

Who owns what: `data` turns what users give into batches, `weights` says how much each
example counts; `loop` runs epochs over them; `results` holds metrics by output. How a
batch is run belongs to the compiled network.
"""

__all__ = ["data", "loop", "results", "weights"]
