"""Synapse models."""

from ml_genn.synapses.delta import Delta
from ml_genn.synapses.exponential import Exponential
from ml_genn.synapses.synapse import Synapse
from ml_genn.synapses.user_synapse import UserSynapse
from ml_genn.utils.module import aliases
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of the synapses that need no arguments.
default_synapses: dict[str, type[Synapse]] = aliases(Delta, Exponential)

__all__ = ["Delta", "Exponential", "Synapse", "UserSynapse", "default_synapses"]

answer_names_of(__name__)
