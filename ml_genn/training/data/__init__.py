"""Data adapters: arrays, lists, data sets and iterables become batches for a model.

* `adapter` chooses the adapter for the type of data, `batches` has the common types.
* `examples` checks data in memory and encodes them: spikes (`spike_input`,
  `event_arrays`), analog values (`analog_input`) and targets.
* `datasets` groups examples of a data set, `streams` reads batches from an iterable.
* `example_weights` and `validation_split` implement the arguments of those names.
"""

__all__ = [
    "adapter",
    "analog_input",
    "batches",
    "datasets",
    "event_arrays",
    "example_weights",
    "examples",
    "spike_input",
    "streams",
    "validation_split",
]
