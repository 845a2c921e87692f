"""Optimisers, and schedules of their learning rate."""

from ml_genn.optimisers.adam import Adam, Adamax, AdamW
from ml_genn.optimisers.optimiser import Optimiser
from ml_genn.optimisers.rmsprop import RMSprop
from ml_genn.optimisers.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    PiecewiseConstant,
    WarmUp,
)
from ml_genn.optimisers.sgd import SGD, Lion
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of optimisers that can be requested by name.
default_optimisers: dict[str, type[Optimiser]] = {
    "adam": Adam,
    "adamax": Adamax,
    "adamw": AdamW,
    "lion": Lion,
    "rmsprop": RMSprop,
    "sgd": SGD,
}

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Adamax",
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "Lion",
    "Optimiser",
    "PiecewiseConstant",
    "RMSprop",
    "WarmUp",
    "default_optimisers",
]

answer_names_of(__name__)
