"""Synapse populations of the fake: checked when built, run in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from genn.fake.arrays import FakeVariable
from genn.fake.checker import Checker, Name
from genn.fake.convolution import toeplitz_synapses
from genn.fake.group import COMMON_NAMES, Group
from genn.fake.interpreter import Interpreter
from genn.fake.language import Node, parse_expression, parse_statements
from genn.fake.models import ResolvedAccess, VarAccess, VarAccessMode
from genn.fake.neuron_group import NeuronGroup
from genn.fake.references import ToeplitzInit, WeightUpdateInit


class SynapseGroup(Group):
    """Synapse population.

    Attributes:
        matrix: "DENSE", "SPARSE" or "TOEPLITZ".
        src, trg: neuron populations.
        is_kernel: True if variables have an element per weight of a convolution.
        indices: (source, target) of each synapse of a SPARSE matrix.
        refs: {name in code: ("pre" or "post", variable)}.
        row_starts, post, elements: synapses as CSR: first synapse of each source,
            target and element in variables of each synapse.
        out_post, out_pre: sums of ``addToPost`` and ``addToPre`` in this step.
        dendritic: ring buffer (steps, examples, targets) of ``addToPostDelay``.
        ring_start: its row that arrives in this step.
        events: sources (examples, neurons) that have an event in the next step.
        code: parsed code strings.
    """

    __slots__ = ("axonal_delay_steps", "back_prop_delay_steps", "code", "dendritic")
    __slots__ += ("elements", "events", "indices", "init", "is_kernel", "matrix")
    __slots__ += ("max_dendritic_delay_timesteps", "out_post", "out_pre", "post")
    __slots__ += ("post_target_var", "pre_target_var", "refs", "ring_start")
    __slots__ += ("row_starts", "src", "toeplitz", "trg")
    of_synapses = True

    def __init__(
        self,
        model: Any,
        name: str,
        matrix: str,
        ends: tuple[NeuronGroup, NeuronGroup],
        init: WeightUpdateInit,
        toeplitz: ToeplitzInit | None,
    ) -> None:
        super().__init__(model, name, init.model, init.params)
        self.init, self.matrix, self.toeplitz = init, matrix, toeplitz
        self.src, self.trg = ends
        self.sparse = matrix == "SPARSE"
        self.is_kernel = matrix == "TOEPLITZ"
        if self.is_kernel != (toeplitz is not None):
            raise RuntimeError("TOEPLITZ, and it alone, needs its snippet")
        for n, (type_, access) in init.model.vars.items():
            resolved = ResolvedAccess(access.batched, access is VarAccess.READ_WRITE)
            self.vars[n] = FakeVariable(n, type_, resolved, init.values[n], self)
        self.axonal_delay_steps = 0
        self.max_dendritic_delay_timesteps: int | None = None
        self.post_target_var = self.pre_target_var = "Isyn"
        self.indices: tuple[np.ndarray, np.ndarray] | None = None
        self.trg.incoming.append(self)
        self.src.outgoing.append(self)

    def set_wu_param_dynamic(self, param_name: str, dynamic: bool = True) -> None:
        super().set_param_dynamic(param_name, dynamic)

    def set_param_dynamic(self, param_name: str, dynamic: bool = True) -> None:
        raise AttributeError("use set_wu_param_dynamic")

    def set_sparse_connections(self, pre_indices: Any, post_indices: Any) -> None:
        if not self.sparse:
            raise RuntimeError("set_sparse_connections is for SPARSE")
        self.indices = np.asarray(pre_indices), np.asarray(post_indices)

    def device_order(self, values: np.ndarray) -> np.ndarray:
        if not self.sparse or self.indices is None:
            return values
        pre, post = self.indices
        return values[..., np.lexsort((post, pre))]

    # ------------------------------------------------------------ building
    def build(self) -> None:
        for population, target in (
            (self.trg, self.post_target_var),
            (self.src, self.pre_target_var),
        ):
            if target not in {"Isyn", *population.declared.inputs}:
                raise RuntimeError(f"'{population.name}' has no input '{target}'")
        self.refs: dict[str, tuple[str, FakeVariable]] = {}
        self._resolve("pre", self.src, self.init.pre_refs)
        self._resolve("post", self.trg, self.init.post_refs)
        self._check_codes()
        longest = self.max_dendritic_delay_timesteps or 1
        self.trg.queue_length = max(self.trg.queue_length, longest)
        axonal = self.axonal_delay_steps + 1
        self.src.queue_length = max(self.src.queue_length, axonal)

    def _resolve(self, side: str, group: NeuronGroup, references: Any) -> None:
        """Checks references of the code to variables of one neuron population."""
        for name, (type_, access) in self.declared.refs[side].items():
            reference = references[name]
            if reference.group is not group:
                raise RuntimeError(f"'{name}' refers to another population")
            if reference.type != type_:
                raise RuntimeError(f"Incompatible type for variable reference '{name}'")
            if access is not VarAccessMode.READ_ONLY:
                raise RuntimeError(f"'{name}' is read-only in synapse code")
            self.refs[name] = side, reference.variable

    def _names(self) -> dict[str, Name]:
        """Returns the names that code may use."""
        own = {
            n: Name(v.type, writable=v.access.writes and not self.is_kernel)
            for n, v in self.vars.items()
        }
        of_neurons = {
            n: Name(v.type, delayed=side == "post")
            for n, (side, v) in self.refs.items()
        }
        indices = ["id_pre", "id_post", "id_syn", "num_pre", "num_post"]
        return {
            **COMMON_NAMES,
            **self.parameter_names(),
            **own,
            **of_neurons,
            **dict.fromkeys(indices, Name("unsigned int")),
        }

    def _check_codes(self) -> None:
        codes = self.declared.codes
        if "event" in codes and self.axonal_delay_steps:
            raise RuntimeError("the fake has no events with an axonal delay")
        if self.is_kernel and "dynamics" in codes:
            raise RuntimeError("synapse dynamics are for DENSE and SPARSE")
        if self.is_kernel and self.refs and self.model.batch_size > 1:
            raise RuntimeError("TOEPLITZ reads neurons of the first example only")
        names = self._names()
        functions = {"addToPost": 1, "addToPre": 1, "addToPostDelay": 2}
        if self.is_kernel:
            functions |= {
                f"atomic_add_{n}": 1 for n, v in self.vars.items() if v.access.writes
            }
        self.code: dict[str, Any] = {}
        uses_delays = False
        for name in ("dynamics", "event", "spike"):
            text = codes.get(name, "")
            self.code[name] = parse_statements(text)
            checker = Checker(names, functions)
            checker.run(self.code[name])
            uses_delays |= bool(checker.indexed) or "addToPostDelay" in text
        if uses_delays and not self.max_dendritic_delay_timesteps:
            raise RuntimeError("max_dendritic_delay_timesteps must be set")
        if "event" in codes:
            self._check_event_condition(names)

    def _check_event_condition(self, names: dict[str, Name]) -> None:
        pre = {n: x for n, x in names.items() if self.refs.get(n, ("",))[0] == "pre"}
        allowed = {**COMMON_NAMES, **self.parameter_names(), **pre}
        allowed["id"] = Name("unsigned int")
        condition = parse_expression(self.declared.codes["event_condition"])
        Checker(allowed).numeric(condition)
        self.code["event_condition"] = condition

    def load(self) -> None:
        if self.sparse and self.indices is None:
            raise RuntimeError(f"'{self.name}' has no connections")
        pre, self.post, self.elements = self._synapses()
        self.row_starts = np.searchsorted(pre, np.arange(self.src.num_neurons + 1))
        count = int(self.elements.max(initial=-1)) + 1
        if self.is_kernel and self.toeplitz:
            p = self.toeplitz.params
            count = p["conv_kh"] * p["conv_kw"] * p["conv_ic"] * p["conv_oc"]
        for variable in self.vars.values():
            self._check_initial(variable)
            variable.allocate(self.model.batch_size, count)
        self.out_post = np.zeros(self.trg.shape, np.float32)
        self.out_pre = np.zeros(self.src.shape, np.float32)
        self.events = np.zeros(self.src.shape, dtype=bool)
        self.clear_dendritic_delay()

    def _check_initial(self, variable: FakeVariable) -> None:
        """Raises IndexError, as PyGeNN, if a SPARSE variable lacks its example axis."""
        dimensions = np.ndim(variable.initial)
        batched = variable.batched and self.model.batch_size > 1
        if self.sparse and dimensions and dimensions != 1 + batched:
            raise IndexError(f"'{variable.name}' has {dimensions} dimensions")

    def unload(self) -> None:
        for variable in self.vars.values():
            variable.release()

    def _synapses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns (source, target, element of variables) of each synapse, sorted."""
        sources, targets = self.src.num_neurons, self.trg.num_neurons
        if self.toeplitz:
            return toeplitz_synapses(self.toeplitz.params)
        if self.indices is not None:
            pre, post = self.indices
            order = np.lexsort((post, pre))
            return pre[order], post[order], np.arange(len(pre))
        pre = np.repeat(np.arange(sources), targets)
        post = np.tile(np.arange(targets), sources)
        return pre, post, np.arange(sources * targets)

    def clear_dendritic_delay(self) -> None:
        steps = self.max_dendritic_delay_timesteps or 1
        self.dendritic = np.zeros((steps, *self.trg.shape), np.float32)
        self.ring_start = 0

    # ------------------------------------------------------------ running
    def propagate(self) -> None:
        """Runs dynamics of all synapses, then events, then spikes.

        Spikes are those of the step before, or earlier by the axonal delay.
        """
        self.ring_start = (self.ring_start + 1) % len(self.dendritic)
        self._run(np.ones(self.src.shape, dtype=bool), self.code["dynamics"])
        self._run(self.events, self.code["event"])
        spikes = self.src.spike_queue[-1 - self.axonal_delay_steps]
        self._run(spikes, self.code["spike"])

    def take_postsynaptic_input(self) -> np.ndarray:
        """Returns what DeltaCurr injects in this step, and clears it."""
        total = self.out_post + self.dendritic[self.ring_start]
        self.out_post[...] = 0
        self.dendritic[self.ring_start] = 0
        return total

    def update_events(self) -> None:
        """Evaluates the event condition after a step of the source."""
        if "event_condition" not in self.code:
            return
        shape = self.src.shape
        values = self.common_values(shape, np.arange(shape[0])[:, None])
        for name, (side, v) in self.refs.items():
            if side == "pre":
                values[name] = np.broadcast_to(v.device, shape)
        condition = Interpreter(shape, values, {}).evaluate(
            self.code["event_condition"]
        )
        self.events = np.broadcast_to(condition, shape).astype(bool).copy()

    def _run(self, sources: np.ndarray, code: list[Node]) -> None:
        """Runs code for the synapses of all sources that are True.

        Args:
            sources: (examples, neurons).
            code: parsed code string.
        """
        batch, pre = np.nonzero(sources)
        if not code or not len(pre):
            return
        counts = self.row_starts[pre + 1] - self.row_starts[pre]
        batch, pre = np.repeat(batch, counts), np.repeat(pre, counts)
        ends = np.cumsum(counts)
        synapse = np.arange(len(batch)) - np.repeat(ends - counts, counts)
        synapse += self.row_starts[pre]
        post, element = self.post[synapse], self.elements[synapse]
        values = self.common_values(batch.shape, batch)
        for name, v in self.vars.items():
            values[name] = v.device[batch, element] if v.batched else v.device[element]
        delayed = {}
        for name, (side, v) in self.refs.items():
            neuron, group = (pre, self.src) if side == "pre" else (post, self.trg)
            history = group.history[v.name]
            delay = self.axonal_delay_steps if side == "pre" else 0
            values[name] = history[-1 - delay][batch, neuron]
            delayed[name] = _delayed_reader(history, batch, neuron)
        run = Interpreter(
            batch.shape,
            values,
            {n: v.type for n, v in self.vars.items()},
            self._functions(batch, pre, post, element),
            delayed,
        )
        run.run(code)
        for name, v in self.vars.items():
            if v.access.writes and not self.is_kernel:
                target = (batch, element) if v.batched else (element,)
                v.device[target] = run.scopes[0][name]

    def _functions(
        self, batch: np.ndarray, pre: np.ndarray, post: np.ndarray, element: np.ndarray
    ) -> dict[str, Any]:
        """Returns {function of synapse code: function of a mask and arguments}."""

        def add_to_post(mask: np.ndarray, x: np.ndarray) -> None:
            np.add.at(self.out_post, (batch[mask], post[mask]), x)

        def add_to_pre(mask: np.ndarray, x: np.ndarray) -> None:
            np.add.at(self.out_pre, (batch[mask], pre[mask]), x)

        def add_to_post_delay(
            mask: np.ndarray, x: np.ndarray, steps: np.ndarray
        ) -> None:
            if steps.size and steps.max() >= len(self.dendritic):
                raise RuntimeError("a delay is too long")
            row = (self.ring_start + steps.astype(int)) % len(self.dendritic)
            np.add.at(self.dendritic, (row, batch[mask], post[mask]), x)

        def atomic_add(v: FakeVariable) -> Any:
            def add(mask: np.ndarray, x: np.ndarray) -> None:
                np.add.at(v.device, (batch[mask], element[mask]), x)

            return add

        return {
            "addToPost": add_to_post,
            "addToPre": add_to_pre,
            "addToPostDelay": add_to_post_delay,
            **{
                f"atomic_add_{n}": atomic_add(v)
                for n, v in self.vars.items()
                if v.batched
            },
        }


def _delayed_reader(history: Any, batch: np.ndarray, neuron: np.ndarray) -> Any:
    """Returns a function from a delay [steps] to a variable as it was then."""

    def read(steps: np.ndarray) -> np.ndarray:
        stacked = np.stack(history)
        if steps.max(initial=0) >= len(stacked):
            raise RuntimeError("a delay is longer than the queue")
        return stacked[len(stacked) - 1 - steps.astype(int), batch, neuron]

    return read
