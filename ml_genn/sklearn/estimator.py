"""Base of the estimators: parameters, training, outputs and pickles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ml_genn.callbacks import BatchProgressBar, Callback, EarlyStopping
from ml_genn.compilers import CompiledTrainingNetwork, TrainingCompiler
from ml_genn.sklearn.encoding import Floats, PairedLatencies
from ml_genn.sklearn.network import make_compiler, spiking_network
from ml_genn.utils.checks import positive, whole

_LARGEST_SEED = 2**31 - 1


class SpikingEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of `SpikingClassifier` and `SpikingRegressor`.

    Numbers become spikes (`PairedLatencies`), which pass through layers of leaky
    integrate-and-fire neurons to leaky integrators, whose mean voltages are outputs.

    Args:
        hidden_sizes: neurons of each hidden layer, (128,) by default.
        rule: learning rule, "eventprop" (default), "bptt" or "eprop"; or a compiler,
            such as ``BPTTCompiler(30, loss, Adam(0.01), batch_size=32)``, whose
            arguments then take the place of ``learning_rate``, ``batch_size``,
            ``random_state`` (for weights), ``num_threads`` and ``backend``.
        max_iter: epochs, 30 by default.
        batch_size: examples in a batch, 32 by default; at most all of them.
        learning_rate: learning rate of Adam, 0.01 by default.
        latency: longest latency of an input spike [ms], 20 by default. An example takes
            1.5 times as long, in steps of 1 ms.
        early_stopping: True to hold out data, stop when their loss does not fall any
            more and restore the best weights; False by default.
        validation_fraction: fraction of the data that is held out, 0.1 by default.
        n_iter_no_change: epochs without a better loss before training stops, 10 by
            default.
        tol: smallest change of the loss that counts, 0.0001 by default.
        random_state: seed of weights, order of examples and held-out data: a number, a
            generator of NumPy, or None (default) for another one each time.
        verbose: 1 or True for a progress bar; 0 (default) for nothing.
        num_threads: threads of the engine; None (default) for all cores. Estimators
            that scikit-learn runs in several processes (``n_jobs``) are faster with 1.
        backend: as for compilers; None (default).

    Attributes:
        n_features_in_: number of features.
        n_iter_: epochs that were trained.
        loss_curve_: loss of each epoch.
        validation_loss_curve_: loss of held-out data, if there are any.
        encoding_: the code of the inputs.
    """

    #: name of the loss
    _LOSS: str

    def __init__(
        self,
        hidden_sizes: Sequence[int] = (128,),
        rule: str | TrainingCompiler = "eventprop",
        max_iter: int = 30,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        latency: int = 20,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
        verbose: int | bool = 0,
        num_threads: int | None = None,
        backend: str | None = None,
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.rule = rule
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.latency = latency
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose
        self.num_threads = num_threads
        self.backend = backend

    def _train(
        self, x: Floats, targets: np.ndarray, num_outputs: int, classes: Any = None
    ) -> Self:
        """Trains a new network.

        Args:
            x: array (examples, features).
            targets: labels, or an array (examples, outputs).
            num_outputs: number of outputs.
            classes: labels by which held-out data are stratified; None (default) for
                none.
        """
        name = type(self).__name__
        epochs = whole(f"{name}: max_iter", self.max_iter)
        latency = whole(f"{name}: latency", self.latency, least=2)
        random = check_random_state(self.random_state)
        self.encoding_ = PairedLatencies.of(x, float(latency))
        self._num_outputs = num_outputs
        self._seed = int(random.randint(_LARGEST_SEED))
        self._spikes = self.encoding_.mean_spikes(x)
        self._batch_size = min(whole(f"{name}: batch_size", self.batch_size), len(x))
        self._network_of_process = compiled = self._compile()
        callbacks: list[Callback] = [BatchProgressBar()] if self.verbose else []
        held_out: dict[str, Any] = {}
        if self.early_stopping:
            x, x_held_out, targets, y_held_out = train_test_split(
                x,
                targets,
                test_size=self.validation_fraction,
                random_state=random,
                stratify=classes,
            )
            held_out = {
                "validation_x": self.encoding_.encode(x_held_out),
                "validation_y": y_held_out,
                "validation_callbacks": [],
            }
            callbacks.append(self._early_stopping())
        compiled.train(
            self.encoding_.encode(x),
            targets,
            num_epochs=epochs,
            callbacks=callbacks,
            **held_out,
        )
        self._state = compiled.snapshot()
        self.loss_curve_ = list(compiled.history["loss"])
        self.n_iter_ = len(self.loss_curve_)
        if self.early_stopping:
            self.validation_loss_curve_ = list(compiled.history["val_loss"])
        return self

    def _early_stopping(self) -> EarlyStopping:
        return EarlyStopping(
            "val_loss",
            min_delta=self.tol,
            patience=self.n_iter_no_change,
            restore_best_weights=True,
        )

    def _compile(self) -> CompiledTrainingNetwork:
        """Returns the network with its initial weights."""
        name = type(self).__name__
        compiler = make_compiler(
            self.rule,
            self._LOSS,
            where=name,
            latency=self.latency,
            learning_rate=positive(f"{name}: learning_rate", self.learning_rate),
            batch_size=self._batch_size,
            rng_seed=self._seed,
            num_threads=self.num_threads,
            backend=self.backend,
        )
        return compiler.compile(
            spiking_network(
                compiler,
                self.encoding_.num_neurons,
                self.hidden_sizes,
                self._num_outputs,
                self._spikes,
            )
        )

    def _outputs(self, x: Any) -> np.ndarray:
        """Returns the outputs of examples: an array (examples, outputs).

        Args:
            x: array (examples, features).
        """
        check_is_fitted(self)
        x = validate_data(self, x, dtype=np.float64, reset=False)
        if self._network_of_process is None:
            self._network_of_process = self._compile()
            self._network_of_process.restore(self._state)
        encoded = self.encoding_.encode(x)
        outputs: np.ndarray = self._network_of_process.predict(
            encoded, callbacks=[]
        ).array
        return outputs.astype(np.float64)

    def __getstate__(self) -> dict[str, Any]:
        """State of copies and pickles, without the memory of the engine."""
        state: dict[str, Any] = super().__getstate__()
        if "_network_of_process" in state:
            state = {**state, "_network_of_process": None}
        return state
