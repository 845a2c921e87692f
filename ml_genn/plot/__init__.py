"""Plots of spikes, variables, rates, weights and training, drawn by matplotlib.

``pip install 'ml_genn[plot]'`` installs matplotlib. Each function returns the axes it
has drawn on: those of ``ax=``, or of a new figure.
"""

from ml_genn.plot.classes import confusion_matrix
from ml_genn.plot.rates import firing_rates
from ml_genn.plot.spikes import raster
from ml_genn.plot.training import learning_curve
from ml_genn.plot.variables import traces
from ml_genn.plot.weights import weight_histogram

__all__ = [
    "confusion_matrix",
    "firing_rates",
    "learning_curve",
    "raster",
    "traces",
    "weight_histogram",
]
