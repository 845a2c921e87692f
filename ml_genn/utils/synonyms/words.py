"""The table of synonyms: words of Keras, PyTorch, scikit-learn, mlGeNN and GeNN.

A word is answered in one of two ways: `Same` names are ours under another name and
work; `Instead` says what to write. The keys of the tables are names of classes (an
entry holds for subclasses, too), of kinds of names, and of modules.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple


class Same(NamedTuple):
    """Our names of the same thing, in whose place the other word works.

    Classes differ in their names: the first one that a class has is meant.
    """

    names: tuple[str, ...]


class Instead(NamedTuple):
    """Advice about a word that does not work."""

    text: str


#: {word: answer}
Words = Mapping[str, Same | Instead]


def _same(**words: str) -> dict[str, Same | Instead]:
    """Returns {word: `Same`} from ``ours="word word"``."""
    names: dict[str, tuple[str, ...]] = {}
    for ours, text in words.items():
        for word in text.split():
            names[word] = (*names.get(word, ()), ours)
    return {word: Same(ours) for word, ours in names.items()}


def _instead(answers: Mapping[str, str]) -> dict[str, Same | Instead]:
    """Returns {word: `Instead`} from {"word word": text}."""
    return {
        word: Instead(text) for words, text in answers.items() for word in words.split()
    }


_RATE = "The learning rate is alpha of an optimiser: optimiser=Adam(0.001)."
_TRAIN = "It is an argument of train()."
_EPOCHS = "The number of epochs is an argument of train(): epochs=10."
_DT = "The time step is an argument of compilers: EventPropCompiler(..., dt=1.0)."
_SHAPE = "The number of neurons stands after the neuron: Layer(Dense(w), neuron, 10)."
_NEURON = "The neuron stands after the connectivity: Layer(Dense(w), neuron, 10)."
_BIAS = "Connections have no bias; IntegrateFire and LeakyIntegrate have one, bias=0.1."
_DECAY = "Decay is a time constant [ms]: tau_mem = -dt / log(beta)."
_COMPILER = (
    "Compilers are objects: EventPropCompiler(example_timesteps, losses, optimiser)"
    ".compile(network)."
)
_COMPILE_FIRST = (
    "A compiled network does this: compiled = EventPropCompiler(example_timesteps, "
    "losses).compile(network), then compiled."
)
_SURROGATE = "Surrogate derivatives belong to the compiler: BPTTCompiler(surrogate=)."
_SYNAPSE = "Synaptic currents are an argument of Layer and Connection: Exponential(5)."
_WEIGHTS = "Weights belong to a compiled network: compiled.weights(layer)."
_OWN_STEP = "train() computes gradients and takes the optimiser's step."
_DEVICE = 'Devices are backends of compilers: backend="cuda", or backend="cpu".'

#: {class: {argument of the constructor: answer}}
ARGUMENTS: dict[str, Words] = {
    "Optimiser": {
        **_same(
            alpha="learning_rate lr eta",
            beta1="beta_1 b1",
            beta2="beta_2 b2",
            epsilon="eps",
            clip_norm="clipnorm max_norm",
            clip_value="clipvalue",
            global_clip_norm="global_clipnorm",
            weight_decay="decoupled_weight_decay",
        ),
        **_instead(
            {
                "betas": "They are beta1=0.9 and beta2=0.999.",
                "params parameters": "Compilers choose what is learned: "
                "compiler.compile(network, optimisers=...).",
                "decay lr_decay": "A schedule in place of the rate does this: "
                "Adam(ExponentialDecay(0.01, steps=100, decay=0.9)).",
                "amsgrad use_ema": "There is no such variant.",
            }
        ),
    },
    "Compiler": {
        **_same(
            losses="loss criterion loss_fn",
            optimiser="optimizer",
            delay_optimiser="delay_optimizer",
            example_timesteps="timesteps num_steps num_timesteps time_steps n_steps",
            evaluate_timesteps="timesteps num_steps num_timesteps time_steps n_steps",
            batch_size="batchsize minibatch_size",
            rng_seed="seed random_state random_seed",
            num_threads="n_jobs threads n_threads",
            surrogate="surrogate_gradient surrogate_function spike_grad spike_fn",
            softmax_temperature="temperature",
            dt="timestep time_step",
        ),
        **_instead(
            {
                "epochs num_epochs nb_epoch n_epochs max_iter": _EPOCHS,
                "learning_rate lr alpha": _RATE,
                "metrics callbacks shuffle verbose validation_data validation_split "
                "class_weight sample_weight": _TRAIN,
                "device": _DEVICE,
                "regularizer kernel_regularizer l2": "AdamW(weight_decay=0.01) decays "
                "weights; reg_lambda_upper of EventPropCompiler limits firing rates.",
                "reg_lambda regularisers": "EventPropCompiler(..., reg_lambda_upper=, "
                "reg_lambda_lower=, reg_nu_upper=) regularises firing rates, with "
                "numbers or {population: number} in the units of mlGeNN 2.",
                "grad_limit": "Adjoints have no limit; optimisers limit gradients: "
                "Adam(0.001, clip_norm=1.0), also clip_value and global_clip_norm.",
                "jit_compile run_eagerly": "C++ is always generated and compiled.",
                "neuron": _NEURON,
            }
        ),
    },
    "Neuron": {
        **_same(
            v_thresh="v_th vth threshold v_threshold vthresh Vthresh theta thresh",
            v_reset="reset_voltage vreset Vreset reset_potential",
            v="v_init v0 V",
            tau_mem="tau tau_m tau_membrane taum TauM membrane_time_constant",
            tau_refrac="tau_ref t_ref t_refrac refractory tau_refractory TauRefrac",
            tau_adapt="tau_a tau_w TauAdap",
        ),
        **_instead(
            {
                "dt timestep": _DT,
                "beta alpha decay leak": _DECAY,
                "surrogate spike_grad surrogate_function surrogate_gradient": (
                    _SURROGATE
                ),
                "tau_syn tau_s syn_tau": _SYNAPSE,
                "reset_mechanism reset_type detach_reset": "relative_reset=True "
                "subtracts the threshold at a spike, False sets v to v_reset.",
                "units num_neurons n size shape": _SHAPE,
                "v_rest Vrest E_L": "Voltages are relative to rest: v = 0 is rest.",
                "C c_mem C_m R": "Currents are in units of the threshold: only "
                "tau_mem = R C matters, and weights scale the rest.",
                "learn_beta learn_threshold init_hidden": "compile(network, "
                'optimisers={layer: {"tau_mem": "adam"}}) learns parameters.',
            }
        ),
    },
    "Synapse": {
        **_same(tau="tau_syn tau_s tau_synapse syn_tau tau_decay tau_d"),
        **_instead(
            {
                "dt": _DT,
                "alpha beta decay": "Decay is a time constant [ms]: "
                "tau = -dt / log(alpha).",
                "weight g": "Weights belong to the connectivity: Dense(weight).",
                "delay": "Delays belong to the connectivity: Dense(weight, delay=3).",
            }
        ),
    },
    "Connectivity": {
        **_same(
            weight="weights w g kernel_initializer weight_init initializer init",
            delay="delays d",
            p="probability prob density connection_probability",
            filters="out_channels num_filters",
            conv_size="kernel_size",
            conv_strides="strides stride",
            pool_strides="strides stride",
            conv_padding="padding",
            pool_padding="padding",
        ),
        **_instead(
            {
                "units out_features in_features output_dim size shape": _SHAPE,
                "activation neuron": _NEURON,
                "use_bias bias bias_initializer": _BIAS,
                "input_shape input_dim in_channels": "The first layer says it: "
                'InputLayer("spike_input", (28, 28, 1)); later ones follow.',
                "kernel_regularizer": "AdamW(weight_decay=0.01) decays weights.",
                "dilation dilation_rate groups": "It is 1 always.",
                "synapse": "It is an argument of Layer: Layer(Dense(w), neuron, 10, "
                "Exponential(5.0)).",
            }
        ),
    },
    "PopulationLike": {
        **_same(
            neuron="activation neurons neuron_model",
            shape="units num_neurons size n n_neurons",
            connectivity="connection",
            synapse="synapses synapse_model",
            max_delay_steps="max_delay max_dendritic_delay_slots",
        ),
        **_instead(
            {
                "input_shape input_dim": "The first layer has the shape of the data: "
                'InputLayer("spike_input", 784).',
                "use_bias": _BIAS,
                "weight kernel_initializer": "Weights belong to the connectivity: "
                "Layer(Dense(weight), neuron, 10).",
                "delay": "Delays belong to the connectivity: Dense(weight, delay=3).",
                "threshold v_thresh v_th tau tau_mem beta": "It is an argument of the "
                "neuron: LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0).",
                "tau_syn": _SYNAPSE,
                "readout": "It is an argument of the neuron: "
                'LeakyIntegrate(readout="avg_var").',
            }
        ),
    },
    "ConnectionLike": {
        **_same(
            source="pre src",
            target="post trg",
            synapse="synapses",
            max_delay_steps="max_delay max_dendritic_delay_slots",
        ),
        **_instead(
            {
                "weight w g": "Weights belong to the connectivity: Dense(weight).",
                "delay": "Delays belong to the connectivity: Dense(weight, delay=3).",
                "tau_syn": _SYNAPSE,
            }
        ),
    },
    "Graph": _instead(
        {
            "layers": "Layers are made in a block: with SequentialNetwork() as "
            'network: InputLayer("spike_input", 784); Layer(...).',
            "dt": _DT,
            "inputs outputs": "Populations and connections made in the network's "
            "'with' block belong to it.",
        }
    ),
    "Callback": {
        **_same(
            pop="population layer",
            param_name="param",
            patience="n_iter_no_change",
            restore_best_weights="restore_best",
            var="variable",
            conn="connection",
        ),
        **_instead({"verbose": _TRAIN}),
    },
    "Surrogate": _same(scale="beta k alpha"),
    "Initializer": _same(
        sd="stddev std sigma scale",
        mean="mu loc",
        min="minval low",
        max="maxval high",
    ),
}

_RAW = "Outputs are voltages or spike counts; the loss includes the softmax."
_NO_ACTIVATION = "Neurons take the place of activations: leaky_integrate_fire."

#: {kind of objects: {name: answer}}; names that differ in capitals, underscores and
#: hyphens only need no entry
NAMES: dict[str, Words] = {
    "neuron": {
        **_same(
            leaky_integrate_fire="lif leaky leaky_integrate_and_fire lapicque",
            leaky_integrate="li leaky_integrator leaky_readout",
            integrate_fire="if integrate_and_fire if_node",
            adaptive_leaky_integrate_fire="alif adaptive_lif adlif",
            spike_input="input spikes spike_source spike_source_array",
            poisson_input="poisson",
        ),
        **_instead(
            {
                "relu sigmoid tanh softmax linear gelu": _NO_ACTIVATION + " " + _RAW,
                "synaptic cuba": 'It is "leaky_integrate_fire" with the synapse '
                "Exponential(5.0).",
            }
        ),
    },
    "loss": {
        **_same(
            sparse_categorical_crossentropy="crossentropy cross_entropy ce "
            "sparse_crossentropy log_loss softmax_cross_entropy",
            mean_square_error="mse mean_squared_error l2 squared_error",
            mean_absolute_error="mae l1 absolute_error",
        ),
        **_instead(
            {
                "binary_crossentropy bce": "Use two outputs and "
                '"sparse_categorical_crossentropy".',
                "nll negative_log_likelihood": "Use "
                '"sparse_categorical_crossentropy", which includes the softmax.',
            }
        ),
    },
    "metric": {
        **_same(
            accuracy="acc",
            mean_square_error="mean_squared_error",
            confusion_matrix="confusion",
        ),
        **_instead({"loss": "The loss is reported always."}),
    },
    "optimiser": {
        **_same(rmsprop="rms", adam="adam_optimizer"),
        **_instead({"momentum nesterov": "It is SGD(0.01, momentum=0.9)."}),
    },
    "readout": _same(
        avg_var="mean avg average mean_var",
        sum_var="sum",
        max_var="max maximum",
        var="last voltage",
        spike_count="count spikes rate",
        first_spike_time="ttfs latency time_to_first_spike",
    ),
    "synapse": {
        **_same(exponential="exp exp_syn exponential_current exp_curr"),
        **_instead(
            {"alpha": "Write it as equations: UserSynapse(...), docs/own_neurons.md."}
        ),
    },
    "surrogate": _same(
        arctan="atan",
        fast_sigmoid="superspike super_spike fastsigmoid",
        boxcar="rectangle rectangular straight_through",
        triangle="triangular piecewise_linear",
    ),
    "callback": {
        **_same(
            batch_progress_bar="progress_bar progbar progress",
            reduce_lr_on_plateau="reduce_lr",
        ),
        **_instead({"history": "The history is there always: compiled.history."}),
    },
    "serialiser": {
        **_same(numpy="npy npz", safetensors="safetensor"),
        **_instead({"h5 hdf5 pickle": 'Use "numpy" or "safetensors".'}),
    },
    "initializer": _same(
        normal="random_normal gaussian",
        uniform="random_uniform",
        glorot_normal="xavier_normal",
        glorot_uniform="xavier_uniform",
        he_normal="kaiming_normal",
        he_uniform="kaiming_uniform",
    ),
}

#: {class: {attribute or method: answer}}
ATTRIBUTES: dict[str, Words] = {
    "Graph": _instead(
        {
            "compile": _COMPILER,
            "fit train": _COMPILE_FIRST + "train(x, y).",
            "evaluate score test": _COMPILE_FIRST + "evaluate(x, y).",
            "predict forward predict_proba": _COMPILE_FIRST + "predict(x).",
            "fit_transform transform": "scikit-learn's interface is "
            "ml_genn.sklearn.SpikingClassifier.",
            "add append": "Layers are made in the network's block: with network: "
            "Layer(Dense(w), neuron, 10).",
            "add_population add_neuron_population": "Make populations in its block: "
            "with network: Population(neuron, 10).",
            "add_connection add_synapse_population": "Make connections in its block: "
            "with network: Connection(source, target, Dense(w)).",
            "layers": "A Network has populations and connections; a SequentialNetwork "
            "has layers.",
            "save save_weights": "ml_genn.save_model(network, path) saves it; trained "
            "weights belong to a compiled network, compiled.save(...).",
            "load_weights load_state_dict": "load(keys, serialiser) loads weights.",
            "state_dict parameters get_weights weights": _WEIGHTS,
            "to cuda cpu": _DEVICE,
            "build reset_state": "Compiled networks do this themselves.",
            "step_time": _COMPILE_FIRST + "step_time().",
        }
    ),
    "CompiledNetwork": {
        **_same(optimiser="optimizer"),
        **_instead(
            {
                "train fit fit_generator train_on_batch partial_fit": "This network is "
                "compiled for inference; EventPropCompiler, BPTTCompiler and "
                "EPropCompiler make networks that train.",
                "forward predict_on_batch predict_generator predict_classes": (
                    "predict(x) returns outputs, one array for each output population."
                ),
                "predict_proba fit_transform transform": "scikit-learn's interface is "
                "ml_genn.sklearn.SpikingClassifier.",
                "score test evaluate_generator test_on_batch": "evaluate(x, y) returns "
                "loss and metrics.",
                "eval": "Networks have no mode: train() learns, evaluate() and "
                "predict() do not.",
                "compile": "It is compiled. " + _COMPILER,
                "state_dict get_weights parameters named_parameters": _WEIGHTS,
                "load_state_dict load_weights": "load(keys, serialiser) loads weights; "
                "set_weights(layer, array) sets those of a layer.",
                "save_weights": "save(keys, serialiser) saves weights, save_model(path)"
                " all.",
                "zero_grad backward apply_gradients": _OWN_STEP
                + " gradients(x, y) returns gradients.",
                "learning_rate lr": "It is optimiser.alpha of a network that trains.",
                "layers": "It is network.layers.",
                "to cuda cpu": _DEVICE,
                "metrics": "evaluate(x, y) and train(...) return metrics.",
                "num_epochs epochs": _EPOCHS,
            }
        ),
    },
    "PopulationLike": {
        **_instead(
            {
                "weights get_weights kernel": _WEIGHTS,
                "set_weights": "compiled.set_weights(layer, array) sets weights.",
                "units num_neurons": "The layer's population has it: "
                "layer.population().shape.",
                "activation": "The layer's population has it: "
                "layer.population().neuron.",
                "trainable": "compile(network, optimisers={layer: {...}}) says what is "
                "learned.",
                "spikes spike_times": "SpikeRecorder(layer) records spikes.",
                "output voltage": 'VarRecorder(layer, "v") records a variable.',
            }
        ),
    },
    "Optimiser": {
        **_same(
            alpha="learning_rate lr eta",
            beta1="beta_1",
            beta2="beta_2",
            epsilon="eps",
        ),
        **_instead(
            {
                "step zero_grad apply_gradients minimize": _OWN_STEP,
                "param_groups": "compile(network, optimisers={layer: {...}}) has "
                "one optimiser for each array.",
            }
        ),
    },
    "Compiler": {
        **_same(optimiser="optimizer"),
        **_instead(
            {
                "loss": "It is losses.",
                "fit train": "compile(network) returns a network with train(x, y).",
                "epochs num_epochs": _EPOCHS,
                "learning_rate lr": "It is optimiser.alpha.",
            }
        ),
    },
}

#: {module: {name: answer}}; `Same` names are objects of the module, or modules
EXPORTS: dict[str, Words] = {
    "ml_genn": {
        **_same(
            optimisers="optimizers",
            initializers="initialisers",
            serialisers="serializers",
        ),
        **_instead(
            {
                "Sequential": "It is SequentialNetwork, whose layers are made in a "
                "block: with SequentialNetwork() as network: InputLayer(...).",
                "Model Module": "It is Network, or SequentialNetwork for chains.",
                "layers nn": "Layers are Layer(Dense(w), neuron, 10): from ml_genn "
                "import InputLayer, Layer; from ml_genn.connectivity import Dense.",
                "Dense Conv2D": "It is a connectivity: from ml_genn.connectivity "
                "import Dense, Conv2D; then Layer(Dense(w), neuron, 10).",
                "Input": "It is InputLayer (SequentialNetwork) or a Population with an "
                'input neuron such as "spike_input".',
                "LIF LeakyIntegrateFire Leaky": "from ml_genn.neurons import "
                "LeakyIntegrateFire.",
                "models": "load_model and save_model are functions of ml_genn.",
                "compile fit train": _COMPILER,
                "optim": "Optimisers are in ml_genn.optimisers.",
                "functional surrogate": "Surrogate derivatives are in "
                "ml_genn.surrogates.",
                "datasets": "Helpers for data are in ml_genn.data.",
                "SpikingClassifier SpikingRegressor": "It is in ml_genn.sklearn.",
                "EventPropCompiler BPTTCompiler EPropCompiler InferenceCompiler": (
                    "Compilers are in ml_genn.compilers."
                ),
            }
        ),
    },
    "ml_genn.neurons": {
        **_instead(
            {
                "LatencyInput": "ml_genn.data.linear_latency_encode_data makes spikes "
                "of images, and SpikeInput plays them.",
                "AutoNeuron": "UserNeuron takes equations.",
            }
        ),
        **_same(
            LeakyIntegrateFire="LIF Leaky LeakyIntegrateAndFire LIFNode LIFCell",
            LeakyIntegrate="LI LICell LeakyIntegrator",
            IntegrateFire="IF IFNode IntegrateAndFire",
            AdaptiveLeakyIntegrateFire="ALIF AdaptiveLIF",
            PoissonInput="Poisson",
        ),
        **_instead(
            {"Synaptic": "It is LeakyIntegrateFire with the synapse Exponential(5.0)."}
        ),
    },
    "ml_genn.synapses": _same(Exponential="Exp ExpSyn ExponentialCurrent"),
    "ml_genn.connectivity": {
        **_same(
            Dense="Linear FullyConnected AllToAll",
            Conv2D="Conv2d",
            Conv2DTranspose="ConvTranspose2d",
            AvgPool2D="AveragePooling2D AvgPool2d",
            MaxPool2D="MaxPooling2D MaxPool2d",
        ),
        **_instead(
            {
                "Flatten": "Layers flatten by themselves; AvgPool2D and Conv2D have "
                "flatten=True.",
                "Dropout BatchNormalization": "There is none for spiking layers.",
                "Layer Input": "It is ml_genn.Layer or ml_genn.InputLayer.",
            }
        ),
    },
    "ml_genn.losses": _same(
        SparseCategoricalCrossentropy="CrossEntropyLoss CrossEntropy Crossentropy",
        MeanSquareError="MeanSquaredError MSELoss MSE",
        MeanAbsoluteError="L1Loss MAE",
    ),
    "ml_genn.metrics": _same(
        MeanSquareError="MeanSquaredError MSE",
        MeanAbsoluteError="MAE",
        SparseCategoricalAccuracy="Accuracy",
    ),
    "ml_genn.optimisers": {
        **_same(
            RMSprop="RMSProp",
            Optimiser="Optimizer",
            CosineDecay="CosineAnnealingLR CosineSchedule",
            ExponentialDecay="ExponentialLR",
            PiecewiseConstant="PiecewiseConstantDecay",
        ),
        **_instead(
            {"Nadam Adagrad Adadelta Ftrl": "Adam, AdamW, Adamax, RMSprop, SGD, Lion."}
        ),
    },
    "ml_genn.initializers": {
        **_same(Normal="RandomNormal", Uniform="RandomUniform"),
        **_instead({"Constant Zeros Ones": "Write the number itself: Dense(0.5)."}),
    },
    "ml_genn.callbacks": {
        **_same(
            BatchProgressBar="ProgbarLogger ProgressBar",
            Checkpoint="BackupAndRestore",
            OptimiserParamSchedule="OptimizerParamSchedule",
            TerminateOnNaN="TerminateOnNan",
        ),
        **_instead(
            {
                "LearningRateScheduler": "It is OptimiserParamSchedule"
                '("alpha", function), or a schedule such as CosineDecay.',
                "History": "The history is there always: compiled.history.",
                "LambdaCallback": "Write a subclass of Callback.",
            }
        ),
    },
    "ml_genn.readouts": _same(
        AvgVar="Mean Average", SumVar="Sum", MaxVar="Max", SpikeCount="Count"
    ),
    "ml_genn.surrogates": _same(
        Arctan="ATan Atan", FastSigmoid="SuperSpike", Triangle="Triangular"
    ),
    "ml_genn.serialisers": _same(Numpy="Npz", Serialiser="Serializer"),
    "ml_genn.compilers": {
        **_same(
            EventPropCompiler="EventProp EventpropCompiler",
            BPTTCompiler="BPTT SurrogateGradientCompiler BpttCompiler",
            EPropCompiler="EProp EpropCompiler",
        ),
        **_instead({"compile": _COMPILER}),
    },
}


def answer(
    words: Words, word: str, known: Container[str] | None = None
) -> str | Instead | None:
    """Returns our name, or what to write instead; None if the table has no answer.

    Args:
        words: a table.
        word: the word of the user.
        known: names that exist: a `Same` entry has no answer if none of its names
            does. None (default) for all.
    """
    entry = words.get(word)
    if not isinstance(entry, Same):
        return entry
    return next((n for n in entry.names if known is None or n in known), None)
