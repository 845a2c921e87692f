"""Estimators for scikit-learn: encoding, training, pipelines, searches and pickles."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="extra 'sklearn'")
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml_genn.compilers import BPTTCompiler
from ml_genn.errors import UnknownNameError, ValidationError
from ml_genn.optimisers import Adam
from ml_genn.sklearn import SpikingClassifier, SpikingRegressor
from ml_genn.sklearn.encoding import PairedLatencies

SMALL: dict[str, Any] = {
    "hidden_sizes": (16,),
    "max_iter": 12,
    "batch_size": 16,
    "learning_rate": 0.02,
    "num_threads": 1,
    "random_state": 1,
}
IRIS, SPECIES = load_iris(return_X_y=True)


def test_large_and_small_values_have_early_spikes() -> None:
    x = np.array([[0.0, 7.0], [4.0, 7.0], [1.0, 7.0]])
    code = PairedLatencies.of(x, 20.0)
    times = code.latencies(np.array([[1.0, 7.0], [9.0, -3.0]]))
    np.testing.assert_allclose(times, [[15, 20, 5, 0, 0], [0, 20, 20, 0, 0]])
    assert code.num_neurons == 5
    assert code.mean_spikes(x) == pytest.approx((3 + 3 + 4) / 3)
    (spikes,) = code.encode(np.array([[1.0, 7.0]]))
    assert len(spikes.spike_times) == 4


def test_a_range_of_all_numbers_does_not_overflow() -> None:
    largest = np.finfo(float).max
    code = PairedLatencies.of(np.array([[-largest], [largest]]), 20.0)
    np.testing.assert_allclose(code.latencies(np.array([[0.0]])), [[10.0, 10.0, 0.0]])


@pytest.mark.parametrize("rule", ["eventprop", "bptt", "eprop"])
def test_rules_learn(rule: str) -> None:
    classifier = SpikingClassifier(**SMALL, rule=rule).fit(IRIS, SPECIES)
    assert classifier.score(IRIS, SPECIES) > 0.85
    assert classifier.loss_curve_[-1] < 0.6 * classifier.loss_curve_[0]
    assert classifier.n_iter_ == 12


def test_labels_may_be_words_and_probabilities_sum_to_one() -> None:
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    classifier = SpikingClassifier(**SMALL).fit(IRIS, names)
    probabilities = classifier.predict_proba(IRIS)
    assert list(classifier.classes_) == ["setosa", "versicolor", "virginica"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    best = classifier.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(classifier.predict(IRIS), best)


def test_regressor_has_one_number_or_several() -> None:
    targets = IRIS[:, 2:] * 100.0 + 5000.0
    inputs = IRIS[:, :2]
    one = SpikingRegressor(**SMALL).fit(inputs, targets[:, 0])
    several = SpikingRegressor(**SMALL).fit(inputs, targets)
    assert one.predict(inputs).shape == (150,)
    assert several.predict(inputs).shape == (150, 2)
    assert one.score(inputs, targets[:, 0]) > 0.7
    assert several.score(inputs, targets) > 0.7


def test_a_seed_repeats_and_clones_are_untrained() -> None:
    first = SpikingClassifier(**SMALL).fit(IRIS, SPECIES)
    other = clone(first)
    assert not hasattr(other, "classes_")
    np.testing.assert_array_equal(
        other.fit(IRIS, SPECIES).predict_proba(IRIS), first.predict_proba(IRIS)
    )


@pytest.mark.parametrize("rule", ["eventprop", "eprop"])
def test_fitted_estimators_pickle(rule: str) -> None:
    """The parameters that a rule learns beside the weights are part of the state."""
    classifier = SpikingClassifier(**{**SMALL, "max_iter": 2}, rule=rule)
    expected = classifier.fit(IRIS, SPECIES).predict_proba(IRIS)
    copied = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copied.predict_proba(IRIS), expected)


def test_pipelines_and_searches() -> None:
    pipeline = make_pipeline(
        StandardScaler(), SpikingClassifier(**{**SMALL, "max_iter": 6})
    )
    grid = {"spikingclassifier__hidden_sizes": [(8,), (24,)]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(IRIS, SPECIES)
    assert search.best_score_ > 0.75
    assert set(search.best_params_) == set(grid)


def test_folds_share_one_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ML_GENN_CACHE", str(tmp_path))
    classifier = SpikingClassifier(**{**SMALL, "max_iter": 1})
    cross_val_score(classifier, IRIS, SPECIES, cv=5)
    assert len(list(tmp_path.rglob("*.so"))) == 1


def test_early_stopping_restores_the_best_weights() -> None:
    classifier = SpikingClassifier(
        **{**SMALL, "max_iter": 40},
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=1,
        tol=0.05,
    ).fit(IRIS, SPECIES)
    assert classifier.n_iter_ < 40
    assert len(classifier.validation_loss_curve_) == classifier.n_iter_
    assert classifier.score(IRIS, SPECIES) > 0.6


def test_a_compiler_may_stand_for_the_rule() -> None:
    compiler = BPTTCompiler(
        25, "sparse_categorical_crossentropy", Adam(0.02), batch_size=10
    )
    classifier = SpikingClassifier((16,), compiler, max_iter=10, random_state=0)
    assert clone(classifier).fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.8
    assert compiler.optimiser.alpha == 0.02


def test_verbose_shows_progress(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = SpikingClassifier(**{**SMALL, "max_iter": 1}).fit(IRIS, SPECIES)
    assert capsys.readouterr() == ("", "")
    quiet.set_params(verbose=1).fit(IRIS, SPECIES)
    assert "loss" in "".join(capsys.readouterr())


def test_wrong_parameters() -> None:
    with pytest.raises(UnknownNameError, match="SpikingClassifier: unknown rule 'bp'"):
        SpikingClassifier(rule="bp").fit(IRIS, SPECIES)
    with pytest.raises(ValidationError, match="SpikingRegressor: max_iter"):
        SpikingRegressor(max_iter=0).fit(IRIS, SPECIES)


def test_without_scikit_learn_the_error_says_how_to_install_it() -> None:
    code = (
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'sklearn' else found(n, *a)\n"
        "import ml_genn.sklearn"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "MissingLibraryError" in done.stderr
    assert "pip install 'ml_genn[sklearn]'" in done.stderr


@pytest.mark.slow
def test_digits_are_classified() -> None:
    digits = load_digits(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(SpikingClassifier(random_state=0), *digits, cv=folds)
    assert scores.mean() >= 0.96
