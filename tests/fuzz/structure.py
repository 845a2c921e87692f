"""Random small networks, each with a compiler, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from ml_genn import Connection, Network, Population
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    FixedProbability,
    MaxPool2D,
    OneToOne,
    Sparse,
)
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    CodeNeuron,
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
    IntegrateFire,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
    SpikingMaxPool,
    UserNeuron,
)
from ml_genn.optimisers import SGD, Adam, Adamax, AdamW, Lion, RMSprop
from ml_genn.synapses import Delta, Exponential, UserSynapse

RULES = (
    "inference",
    "event_prop",
    "event_prop",
    "bptt",
    "bptt_threshold",
    "eprop",
    "eprop_online",
    "few_spike",
)
SPIKE_SOURCES = ("spikes", "spikes", "spikes", "events")
ANALOG_SOURCES = ("poisson", "binary", "if_input", "lif_input")
HIDDEN = ("lif", "lif", "alif", "if", "user", "code")
OUTPUTS = ("li", "li", "lif", "user", "code")
READOUTS = (
    "avg_var",
    "avg_var_exp_weight",
    "sum_var",
    "max_var",
    "var",
    "spike_count",
    "first_spike_time",
)
LOSSES = (
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "mean_square_error",
    "mean_absolute_error",
)
LINKS = ("dense", "dense", "dense", "fixed", "sparse", "one_to_one")
SYNAPSES = ("exponential", "exponential", "delta", "user")
DELAYS = ("none", "none", "constant", "matrix")
#: {rule: hidden neurons that it trains}
TRAINED_HIDDEN = {
    "event_prop": ("lif", "lif", "user"),
    "bptt": ("lif", "alif", "if", "user"),
    "bptt_threshold": ("lif", "alif", "if", "user"),
    "eprop": ("lif", "alif"),
    "eprop_online": ("lif", "alif"),
}
OPTIMISERS = (SGD, Adam, AdamW, Adamax, RMSprop, Lion)
IMAGE_SHAPE = (6, 5, 2)
#: seeds are drawn apart so that neighbouring seeds have nothing in common
SEED_FACTOR = 1_000_003


@dataclass(frozen=True)
class Structure:
    """Choices of a network and its compiler, without weights and data.

    Attributes:
        seed: the seed that it was drawn from.
        rule: one of `RULES`.
        steps: time steps of an example.
        sources: (kind, neurons) of each input population.
        hidden: (kind, neurons) of each hidden population.
        outputs: (kind, neurons, readout, loss) of each output population.
        is_image: True if the first source and hidden populations are images, linked by
            convolutions and pooling.
        recurrence: connectivity of the first hidden population to itself, or "".
        learn_delays, deep_r, regularised, per_step_loss: options of compilers.
        batch_size: examples of a batch.
        dt: time step [ms].
    """

    seed: int
    rule: str
    steps: int
    sources: tuple[tuple[str, int], ...]
    hidden: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int, str, str], ...]
    is_image: bool
    recurrence: str
    learn_delays: bool
    deep_r: bool
    regularised: bool
    per_step_loss: bool
    batch_size: int
    dt: float

    @property
    def trains(self) -> bool:
        """True if the compiler is one of a learning rule."""
        return self.rule not in ("inference", "few_spike")

    @property
    def is_random(self) -> bool:
        """True if neurons draw random numbers in time steps."""
        kinds = {kind for kind, *_ in (*self.sources, *self.hidden, *self.outputs)}
        return self.rule != "few_spike" and bool(kinds & {"poisson", "code"})


def draw_structure(seed: int) -> Structure:
    """Returns the structure of a seed."""
    random = Random(seed * SEED_FACTOR)
    rule = random.choice(RULES)
    kinds = SPIKE_SOURCES if random.random() < 0.7 else ANALOG_SOURCES
    likely_loss = random.choice(LOSSES)
    # Most networks are of a kind that the rule trains; the others are refused.
    plain = rule not in ("inference", "few_spike") and random.random() < 0.9
    hidden_kinds = TRAINED_HIDDEN.get(rule, HIDDEN) if plain else HIDDEN
    return Structure(
        seed=seed,
        rule=rule,
        steps=random.choice((1, 5, 17, 40)),
        sources=tuple(
            (random.choice(kinds), random.randint(1, 9))
            for _ in range(random.choice((1, 1, 2)))
        ),
        hidden=tuple(
            (random.choice(hidden_kinds), random.choice((1, 3, 16, 17, 33)))
            for _ in range(random.choice((0, 1, 1, 2)))
        ),
        outputs=tuple(
            (
                "li" if plain else random.choice(OUTPUTS),
                random.randint(1, 5),
                random.choice(READOUTS[:3] if plain else READOUTS),
                likely_loss,
            )
            for _ in range(random.choice((1, 1, 1, 2)))
        ),
        is_image=random.random() < 0.2,
        recurrence=random.choice(("", "", "dense", "fixed")),
        learn_delays=random.random() < 0.2,
        deep_r=random.random() < 0.15,
        regularised=random.random() < 0.2,
        per_step_loss=random.random() < 0.2,
        batch_size=random.choice((1, 3, 4, 8)),
        dt=random.choice((1.0, 1.0, 0.5, 0.1)),
    )


USER_NEURON: dict[str, Any] = {
    "vars": {"v": ("(-v + a * Isyn) / tau", "0.0"), "w": ("-0.1 * w", "w + 0.1")},
    "output_var_name": "v",
    "threshold": "v - 1.0 - 0.1 * w",
    "param_vals": {"tau": 15.0, "a": 3.0},
}
CODE_NEURON: dict[str, Any] = {
    "vars": [("V", "scalar"), ("n", "int"), ("m", "int")],
    "sim_code": """
        V += Isyn * 0.5 - 0.01 * V;
        n = V * 1000000.0; m += n / (n - m) + n % (m & 3) + (n << m);
        for (int i = 0; i < (n & 7); i++) V += 0.001;
        if (gennrand_uniform() < 0.1) V += 0.2;
    """,
    "threshold_condition_code": "V > 1.0",
    "reset_code": "V = 0.0; m = m + 2000000000;",
}


class Builder:
    """Builder of the network of a structure; weights come from ml_genn's initialisers.

    Args:
        structure: the structure.

    Attributes:
        sources, hidden, outputs: its populations.
    """

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self._random = Random(structure.seed * SEED_FACTOR + 1)
        self.sources: list[Population] = []
        self.hidden: list[Population] = []
        self.outputs: list[Population] = []
        self._delayed: list[Connection] = []
        self._sparse: list[Connection] = []
        with Network() as self.network:
            if structure.rule == "few_spike":
                self._few_spikes()
            else:
                self._populations()

    def compile(self, *, num_threads: int = 1, batch_size: int | None = None) -> Any:
        """Returns the compiled network."""
        s = self.structure
        runtime = {
            "batch_size": batch_size or s.batch_size,
            "num_threads": num_threads,
            "rng_seed": s.seed,
        }
        if s.rule == "few_spike":
            return FewSpikeCompiler(6, **runtime).compile(self.network)
        runtime["dt"] = s.dt
        if s.rule == "inference":
            return InferenceCompiler(s.steps, **runtime).compile(self.network)
        random = Random(s.seed * SEED_FACTOR + 2)
        losses = {p: o[3] for p, o in zip(self.outputs, s.outputs, strict=True)}
        options: dict[str, Any] = {
            "optimiser": random.choice(OPTIMISERS)(
                0.01, clip_norm=random.choice((None, 0.5))
            ),
            "deep_r_conns": self._sparse[:1] if s.deep_r else (),
            **runtime,
        }
        if s.rule in ("eprop", "eprop_online"):
            mode = "online" if s.rule == "eprop_online" else "event_driven"
            return EPropCompiler(s.steps, losses, mode=mode, **options).compile(
                self.network
            )
        options["delay_learn_conns"] = self._delayed[:1] if s.learn_delays else ()
        options["per_timestep_loss"] = s.per_step_loss
        if s.rule == "event_prop":
            if s.regularised:
                options |= {"reg_lambda_upper": 0.01, "reg_nu_upper": 2.0}
            return EventPropCompiler(s.steps, losses, **options).compile(self.network)
        threshold = 0.5 if s.rule == "bptt_threshold" else None
        return BPTTCompiler(
            s.steps, losses, backward_threshold=threshold, **options
        ).compile(self.network)

    # ------------------------------------------------------------ populations
    def _source(self, kind: str) -> Any:
        frames = {"input_frames": 2, "input_frame_timesteps": 3}
        return {
            "spikes": SpikeInput,
            "events": SpikeInput,
            "poisson": lambda: PoissonInput(signed_spikes=True, **frames),
            "binary": lambda: BinarySpikeInput(signed_spikes=True, **frames),
            "if_input": lambda: IntegrateFireInput(1.0, **frames),
            "lif_input": lambda: LeakyIntegrateFireInput(0.4, **frames),
        }[kind]()

    def _neuron(self, kind: str, readout: str | None = None) -> Any:
        random, dt = self._random, self.structure.dt
        refractory = {"tau_refrac": dt * random.choice((1, 3))}
        refuses = self.structure.rule == "event_prop"
        spiking = refractory if random.random() < (0.02 if refuses else 0.3) else {}
        tau = random.choice((2.0, 20.0, 50.0))
        return {
            "lif": lambda: LeakyIntegrateFire(tau_mem=tau, readout=readout, **spiking),
            "alif": lambda: AdaptiveLeakyIntegrateFire(
                0.6, tau_mem=tau, readout=readout, **spiking
            ),
            "if": lambda: IntegrateFire(readout=readout),
            "li": lambda: LeakyIntegrate(tau_mem=tau, readout=readout),
            "user": lambda: UserNeuron(**USER_NEURON, readout=readout),
            "code": lambda: CodeNeuron(CODE_NEURON, "V", readout=readout),
        }[kind]()

    def _populations(self) -> None:
        s = self.structure
        for kind, size in s.sources:
            is_first_image = s.is_image and not self.sources
            shape = IMAGE_SHAPE if is_first_image else size
            self.sources.append(
                Population(self._source(kind), shape, record_spikes=True)
            )
        previous = self._image_stack() if s.is_image else self.sources[0]
        for kind, size in s.hidden:
            layer = Population(self._neuron(kind), size, record_spikes=True)
            self._link(previous, layer)
            self.hidden.append(layer)
            previous = layer
        for kind, size, readout, _ in s.outputs:
            output = Population(self._neuron(kind, readout), size)
            self._link(previous, output, last=True)
            self.outputs.append(output)
        for source in self.sources[1:]:
            self._link(source, self._random.choice([*self.hidden, *self.outputs]))
        if s.recurrence and self.hidden:
            self._link(self.hidden[0], self.hidden[0], kind=s.recurrence)

    def _image_stack(self) -> Population:
        """Layers of convolutions and pooling, each a population without a shape."""
        random, previous = self._random, self.sources[0]
        weight = Normal(1.0, 1.0)
        for _ in range(random.choice((1, 2))):
            neuron: Any = LeakyIntegrateFire()
            delay = random.choice((0, 0, 2))
            connectivity: Any = random.choice(
                (
                    Conv2D(weight, 3, 2, conv_padding="same", delay=delay),
                    Conv2DTranspose(weight, 2, 2, delay=delay),
                    DepthwiseConv2D(weight, 2, 2, delay=delay),
                    AvgPool2D(2, delay=delay),
                    AvgPoolConv2D(weight, 2, 2, 1, delay=delay),
                    MaxPool2D(2),
                )
            )
            if isinstance(connectivity, MaxPool2D):
                neuron = SpikingMaxPool()
            layer = Population(neuron, record_spikes=True)
            Connection(previous, layer, connectivity)
            previous = layer
            self.hidden.append(layer)
        return previous

    # ------------------------------------------------------------ connections
    def _synapse(self) -> Any:
        kind = self._random.choice(SYNAPSES)
        if "eprop" in self.structure.rule and self._random.random() < 0.95:
            kind = "delta"
        if kind == "user":
            return UserSynapse({"i": ("-i / tau", "i + weight")}, "i", {"tau": 4.0})
        return Delta() if kind == "delta" else Exponential(self._random.choice((2, 10)))

    def _link(
        self, source: Population, target: Population, kind: str = "", last: bool = False
    ) -> None:
        random = self._random
        kind = kind or random.choice(LINKS)
        sizes = source.size, target.size
        if kind == "one_to_one" and sizes[0] != sizes[1]:
            kind = "dense"
        if last and source.shape and len(source.shape) == 3 and random.random() < 0.5:
            Connection(source, target, AvgPoolDense2D(Normal(0.0, 1.0), 1))
            return
        scale = random.choice((0.2, 1.0, 3.0))
        weight: Any = Normal(scale * 0.5, scale)
        delay: Any = {
            "none": 0,
            "constant": random.choice((1, 7)),
            "matrix": Uniform(0.0, 6.0),
        }[random.choice(DELAYS)]
        connectivity: Any
        if kind == "fixed":
            connectivity = FixedProbability(0.5, weight, delay=delay)
        elif kind == "sparse":
            pairs = [(i, j) for i in range(sizes[0]) for j in range(sizes[1])]
            pairs = random.sample(pairs, (len(pairs) + 1) // 2)
            pre, post = zip(*pairs, strict=True)
            connectivity = Sparse(pre, post, weight, delay)
        else:
            connectivity = (OneToOne if kind == "one_to_one" else Dense)(weight, delay)
        connection = Connection(
            source, target, connectivity, self._synapse(), max_delay_steps=12
        )
        if kind in ("fixed", "sparse"):
            self._sparse.append(connection)
        if not isinstance(delay, int):
            self._delayed.append(connection)

    def _few_spike_image(self, previous: Population) -> Population:
        """A layer of a convolution or of pooling, whose population has no shape."""
        weight = Normal(0.1, 0.5)
        connectivity: Any = self._random.choice(
            (
                Conv2D(weight, 3, 2, conv_padding="same"),
                Conv2DTranspose(weight, 2, 2),
                DepthwiseConv2D(weight, 2, 2),
                AvgPool2D(2),
                AvgPoolConv2D(weight, 2, 2, 1),
                MaxPool2D(2),
            )
        )
        is_pooling = isinstance(connectivity, MaxPool2D)
        neuron: Any = FewSpikeMaxPool() if is_pooling else FewSpikeRelu(6, 3.0)
        layer = Population(neuron, record_spikes=True)
        Connection(previous, layer, connectivity)
        self.hidden.append(layer)
        return layer

    def _few_spikes(self) -> None:
        s, random = self.structure, self._random
        for _, size in s.sources:
            neuron = FewSpikeReluInput(6, 2.0, signed_input=random.random() < 0.5)
            is_first_image = s.is_image and not self.sources
            shape = IMAGE_SHAPE if is_first_image else size
            self.sources.append(Population(neuron, shape, record_spikes=True))
        previous = self.sources[0]
        for _ in range(random.choice((1, 2)) if s.is_image else 0):
            previous = self._few_spike_image(previous)
        for _, size in s.hidden:
            layer = Population(FewSpikeRelu(6, 3.0), size, record_spikes=True)
            Connection(previous, layer, Dense(Normal(0.0, 0.5)))
            self.hidden.append(layer)
            previous = layer
        for _, size, _, _ in s.outputs:
            neuron = FewSpikeRelu(6, 4.0, "var", Normal())
            output = Population(neuron, size)
            for source in {previous, *self.sources}:
                Connection(source, output, Dense(Normal()))
            self.outputs.append(output)
