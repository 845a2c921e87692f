"""Callbacks: functions called during training and evaluation."""

from ml_genn.callbacks.callback import Callback
from ml_genn.callbacks.checkpoint import Checkpoint
from ml_genn.callbacks.conn_var_recorder import ConnVarRecorder
from ml_genn.callbacks.health_checks import SpikeRateMonitor, TerminateOnNaN
from ml_genn.callbacks.loggers import CSVLogger, TensorBoard
from ml_genn.callbacks.metric_monitors import EarlyStopping, ReduceLROnPlateau
from ml_genn.callbacks.model_checkpoint import ModelCheckpoint
from ml_genn.callbacks.progress_bar import BatchProgressBar
from ml_genn.callbacks.recorders import SpikeRecorder, VarRecorder
from ml_genn.callbacks.rewiring_recorder import RewiringRecorder
from ml_genn.callbacks.updates import (
    CustomUpdateOnBatchBegin,
    CustomUpdateOnBatchEnd,
    CustomUpdateOnEpochBegin,
    CustomUpdateOnEpochEnd,
    CustomUpdateOnTimestepBegin,
    CustomUpdateOnTimestepEnd,
    OptimiserParamSchedule,
)
from ml_genn.utils.module import aliases
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of callbacks that can be passed by name
default_callbacks: dict[str, type[Callback]] = {
    **aliases(BatchProgressBar, Checkpoint, EarlyStopping, SpikeRateMonitor),
    "reduce_lr_on_plateau": ReduceLROnPlateau,
    "tensorboard": TensorBoard,
    "terminate_on_nan": TerminateOnNaN,
}

__all__ = [
    "BatchProgressBar",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "ConnVarRecorder",
    "CustomUpdateOnBatchBegin",
    "CustomUpdateOnBatchEnd",
    "CustomUpdateOnEpochBegin",
    "CustomUpdateOnEpochEnd",
    "CustomUpdateOnTimestepBegin",
    "CustomUpdateOnTimestepEnd",
    "EarlyStopping",
    "ModelCheckpoint",
    "OptimiserParamSchedule",
    "ReduceLROnPlateau",
    "RewiringRecorder",
    "SpikeRateMonitor",
    "SpikeRecorder",
    "TensorBoard",
    "TerminateOnNaN",
    "VarRecorder",
    "default_callbacks",
]

answer_names_of(__name__)
