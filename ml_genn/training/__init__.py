"""Data adapters, the loop over epochs and batches, and what callbacks are told.

Who owns what: `data` turns what users give into batches; `loop` runs epochs over them;
`results` holds metrics by output. How a batch is run belongs to the compiled network.
"""

__all__ = ["data", "loop", "results"]
