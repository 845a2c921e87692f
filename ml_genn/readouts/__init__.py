"""Readouts: the result of an output population, one number per neuron."""

from ml_genn.readouts.readout import Readout
from ml_genn.readouts.spikes import FirstSpikeTime, SpikeCount
from ml_genn.readouts.voltage import AvgVar, AvgVarExpWeight, MaxVar, SumVar, Var
from ml_genn.utils.module import aliases
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of the readouts, none of which needs arguments.
default_readouts: dict[str, type[Readout]] = aliases(
    AvgVar, AvgVarExpWeight, FirstSpikeTime, MaxVar, SpikeCount, SumVar, Var
)

__all__ = [
    "AvgVar",
    "AvgVarExpWeight",
    "FirstSpikeTime",
    "MaxVar",
    "Readout",
    "SpikeCount",
    "SumVar",
    "Var",
    "default_readouts",
]

answer_names_of(__name__)
