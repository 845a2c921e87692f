"""Connectivity between populations."""

from ml_genn.connectivity.avg_pool_2d import AvgPool2D, AvgPoolConv2D, AvgPoolDense2D
from ml_genn.connectivity.connectivity import Connectivity
from ml_genn.connectivity.conv_2d import Conv2D, Conv2DTranspose, DepthwiseConv2D
from ml_genn.connectivity.dense import Dense
from ml_genn.connectivity.fixed_probability import FixedProbability
from ml_genn.connectivity.max_pool_2d import MaxPool2D
from ml_genn.connectivity.one_to_one import OneToOne
from ml_genn.connectivity.sparse import Sparse
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of those that can be passed by name: none, as in mlGeNN.
default_connectivity: dict[str, type[Connectivity]] = {}

__all__ = [
    "AvgPool2D",
    "AvgPoolConv2D",
    "AvgPoolDense2D",
    "Connectivity",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "DepthwiseConv2D",
    "FixedProbability",
    "MaxPool2D",
    "OneToOne",
    "Sparse",
    "default_connectivity",
]

answer_names_of(__name__)
