"""Callbacks."""

from ml_genn.callbacks.callback import Callback
from ml_genn.callbacks.checkpoint import Checkpoint
from ml_genn.callbacks.model_checkpoint import ModelCheckpoint
from ml_genn.callbacks.progress_bar import BatchProgressBar
from ml_genn.callbacks.recorders import SpikeRecorder, VarRecorder
from ml_genn.callbacks.rewiring_recorder import RewiringRecorder
from ml_genn.utils.module import aliases

default_callbacks: dict[str, type[Callback]] = aliases(BatchProgressBar, Checkpoint)

__all__ = [
    "BatchProgressBar",
    "Callback",
    "Checkpoint",
    "ModelCheckpoint",
    "RewiringRecorder",
    "SpikeRecorder",
    "VarRecorder",
    "default_callbacks",
]
