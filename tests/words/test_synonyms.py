"""Every word of the table of synonyms works, or is answered by one error."""

from __future__ import annotations

import copy
import inspect
import pickle
from importlib import import_module
from typing import Any

import pytest
from docs.pages import DOCS

import ml_genn
from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
    callbacks,
    initializers,
    losses,
    metrics,
    neurons,
    optimisers,
    readouts,
    serialisers,
    surrogates,
    synapses,
)
from ml_genn.callbacks import Callback
from ml_genn.compilers import (
    BPTTCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import (
    AvgPool2D,
    Connectivity,
    Conv2D,
    Dense,
    FixedProbability,
    MaxPool2D,
)
from ml_genn.errors import (
    UnknownArgumentError,
    UnknownAttributeError,
    UnknownImportError,
    UnknownNameError,
    ValidationError,
)
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.optimisers import SGD, Adam, RMSprop
from ml_genn.utils.synonyms import object_name
from ml_genn.utils.synonyms.words import (
    ARGUMENTS,
    ATTRIBUTES,
    EXPORTS,
    NAMES,
    Instead,
    Same,
    Words,
)

#: {scope of arguments: classes whose constructors have its `Same` names}
CLASSES: dict[str, tuple[type, ...]] = {
    "Callback": (
        callbacks.EarlyStopping,
        callbacks.OptimiserParamSchedule,
        callbacks.VarRecorder,
        callbacks.ConnVarRecorder,
    ),
    "Compiler": (
        EventPropCompiler,
        BPTTCompiler,
        InferenceCompiler,
        FewSpikeCompiler,
    ),
    "ConnectionLike": (Connection,),
    "Connectivity": (Dense, Conv2D, AvgPool2D, MaxPool2D, FixedProbability),
    "Graph": (Network, SequentialNetwork),
    "Initializer": (initializers.Normal, initializers.Uniform),
    "Neuron": (LeakyIntegrateFire, AdaptiveLeakyIntegrateFire),
    "Optimiser": (Adam, SGD, RMSprop),
    "PopulationLike": (Layer, InputLayer, Population),
    "Surrogate": (surrogates.FastSigmoid,),
    "Synapse": (synapses.Exponential,),
}
REGISTRIES: dict[str, Any] = {
    "callback": callbacks.default_callbacks,
    "initializer": initializers.default_initializers,
    "loss": losses.default_losses,
    "metric": metrics.default_metrics,
    "neuron": neurons.default_neurons,
    "optimiser": optimisers.default_optimisers,
    "readout": readouts.default_readouts,
    "serialiser": serialisers.default_serialisers,
    "surrogate": surrogates.default_surrogates,
    "synapse": synapses.default_synapses,
}


def entries(table: dict[str, Words]) -> list[Any]:
    """Returns (scope, word, entry) as parameters of a test."""
    return [
        pytest.param(scope, word, entry, id=f"{scope}-{word}")
        for scope, words in table.items()
        for word, entry in words.items()
    ]


def small_network() -> SequentialNetwork:
    with SequentialNetwork() as network:
        InputLayer("input", 2)
        Layer(Dense(1.0), LeakyIntegrate(readout="mean"), units=3)
    return network


def test_the_tables_name_what_exists() -> None:
    assert set(CLASSES) == set(ARGUMENTS)
    assert set(REGISTRIES) == set(NAMES)


@pytest.mark.parametrize(("scope", "word", "entry"), entries(ARGUMENTS))
def test_arguments(scope: str, word: str, entry: Same | Instead) -> None:
    """A `Same` word is bound to an argument; other words name what to write."""
    answers = []
    for cls in CLASSES[scope]:
        known = inspect.signature(cls).parameters
        if word in known:
            continue
        own = [n for n in getattr(entry, "names", ()) if n in known]
        if isinstance(entry, Instead):
            with pytest.raises(UnknownArgumentError) as caught:
                cls(**{word: object()})
            assert f"{cls.__name__}: there is no argument '{word}'" in str(caught.value)
            assert entry.text in str(caught.value)
            answers.append(word)
        elif own:
            with pytest.raises(ValidationError, match="are the same argument"):
                cls(**{word: 1, own[0]: 1})
            answers.append(own[0])
    assert answers


@pytest.mark.parametrize(("kind", "word", "entry"), entries(NAMES))
def test_names(kind: str, word: str, entry: Same | Instead) -> None:
    known = REGISTRIES[kind]
    if isinstance(entry, Same):
        assert object_name(kind, word.upper(), known) in entry.names
    else:
        with pytest.raises(UnknownNameError) as caught:
            object_name(kind, word, known)
        assert str(caught.value) == f"there is no {kind} '{word}'. {entry.text}"


@pytest.fixture(scope="module")
def objects() -> dict[str, list[Any]]:
    """{scope of attributes: objects}."""
    network = small_network()
    compiler = InferenceCompiler(5)
    training = EventPropCompiler(5, "mse")
    return {
        "Compiler": [compiler, training],
        "CompiledNetwork": [compiler.compile(network)],
        "Graph": [network, Network()],
        "Optimiser": [Adam()],
        "PopulationLike": [network.layers[1], network.populations[0]],
    }


@pytest.mark.parametrize(("scope", "word", "entry"), entries(ATTRIBUTES))
def test_attributes(
    scope: str, word: str, entry: Same | Instead, objects: dict[str, list[Any]]
) -> None:
    for owner in objects[scope]:
        if word in dir(owner) or isinstance(entry, Same):
            continue
        assert not hasattr(owner, word)
        with pytest.raises(UnknownAttributeError) as caught:
            getattr(owner, word)
        expected = f"{type(owner).__name__} has no '{word}'. {entry.text}"
        assert str(caught.value) == expected
        assert len(expected) < 300


@pytest.mark.parametrize(("module", "word", "entry"), entries(EXPORTS))
def test_exports(module: str, word: str, entry: Same | Instead) -> None:
    space = import_module(module)
    if isinstance(entry, Same):
        assert getattr(space, word) is getattr(space, entry.names[0])
        return
    code = f"from {module} import {word}"
    with pytest.raises(UnknownImportError) as caught:
        exec(code, {})
    assert str(caught.value) == f"{module} has no '{word}'. {entry.text}"


def test_synonyms_of_arguments_work() -> None:
    assert Adam(learning_rate=0.5).alpha == 0.5  # type: ignore[call-arg]
    neuron: Any = LeakyIntegrateFire(threshold=2.0, tau=3.0)  # type: ignore[call-arg]
    assert (neuron.v_thresh, neuron.tau_mem) == (2.0, 3.0)
    compiler: Any = EventPropCompiler(  # type: ignore[call-arg]
        20, loss="mse", optimizer=SGD(lr=0.1), seed=3
    )
    assert isinstance(compiler.optimiser, SGD)
    assert (compiler.optimiser.alpha, compiler.rng_seed) == (0.1, 3)
    network = small_network()
    assert network.populations[1].shape == (3,)
    assert compiler._arguments.keys() == {
        "example_timesteps",
        "losses",
        "optimiser",
        "rng_seed",
    }


def test_synonyms_of_attributes_read_and_write_ours() -> None:
    optimiser: Any = Adam(0.1)
    optimiser.learning_rate = 0.2
    assert (optimiser.alpha, optimiser.lr) == (0.2, 0.2)
    assert "learning_rate" not in vars(optimiser)
    compiled: Any = EventPropCompiler(5, "mse", optimiser).compile(small_network())
    assert compiled.optimizer is compiled.optimiser


def test_capitals_and_separators_of_names_do_not_matter() -> None:
    for name in ("LeakyIntegrateFire", "leaky-integrate-fire", "Leaky Integrate Fire"):
        assert object_name("neuron", name, neurons.default_neurons) == (
            "leaky_integrate_fire"
        )


def test_unknown_words_keep_their_suggestions() -> None:
    with pytest.raises(UnknownArgumentError, match="Did you mean 'tau_mem'"):
        LeakyIntegrateFire(tau_men=2.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Did you mean 'alpha'"):
        Adam(alpa=2.0)  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="Did you mean 'LeakyIntegrate'"):
        neurons.LeakyIntegrat  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nothing_like_it'"):
        ml_genn.nothing_like_it  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="nothing_like_it"):
        small_network().nothing_like_it  # type: ignore[attr-defined]  # noqa: B018


def test_modules_of_other_libraries() -> None:
    from ml_genn.optimizers import Adam as Other  # type: ignore[import-not-found]
    from ml_genn.optimizers.adam import (  # type: ignore[import-not-found]
        Adam as OfFile,
    )

    assert Other is Adam
    assert OfFile is Adam
    with pytest.raises(ImportError, match="ml_genn has no 'layers'"):
        import_module("ml_genn.layers")


def test_objects_with_synonyms_copy_and_pickle() -> None:
    network = small_network()
    for copied in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert [p.shape for p in copied.populations] == [(2,), (3,)]
    assert pickle.loads(pickle.dumps(Adam(0.5))).alpha == 0.5


def test_classes_of_users_have_their_own_words() -> None:
    """Arguments and attributes of a class itself are never taken for synonyms."""

    class Sparsely(Connectivity):
        def __init__(self, w: float) -> None:
            super().__init__(w, 0)

    class Words(Callback):
        def __init__(self, verbose: bool) -> None:
            self.verbose = verbose

    abstract: Any = Sparsely
    with pytest.raises(TypeError, match="abstract"):
        abstract(w=2.0)
    assert Words(verbose=True).verbose


def shown(entry: Same | Instead) -> str:
    """Returns the answer of an entry as docs/words.md shows it."""
    if isinstance(entry, Instead):
        return entry.text
    return "works: " + " or ".join(f"`{name}`" for name in entry.names)


def table_of_words() -> str:
    """Returns the tables as docs/words.md shows them."""
    kinds = (
        ("argument of", ARGUMENTS),
        ("name of a", NAMES),
        ("attribute of", ATTRIBUTES),
        ("name in", EXPORTS),
    )
    lines = ["| where | word | here |", "|---|---|---|"]
    for kind, table in kinds:
        for scope, words in table.items():
            by_answer: dict[Same | Instead, list[str]] = {}
            for word, entry in words.items():
                by_answer.setdefault(entry, []).append(f"`{word}`")
            for entry, same in by_answer.items():
                where = (
                    f"{kind} {scope}" if kind == "name of a" else f"{kind} `{scope}`"
                )
                works = isinstance(entry, Same)
                names = getattr(entry, "names", ())
                ours = " or ".join(f"`{name}`" for name in names)
                answer = f"works: {ours}" if works else entry.text  # type: ignore[union-attr]
                lines.append(f"| {where} | {', '.join(same)} | {answer} |")
    return "\n".join(lines)


def test_documentation_has_the_whole_table() -> None:
    """The page is right if its table is `table_of_words()`."""
    text = (DOCS / "words.md").read_text()
    assert table_of_words() in text
