"""Populations and custom updates of the fake: checked when built, run in NumPy."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from genn.fake.arrays import FakeArray, FakeVariable
from genn.fake.checker import RANDOM, Checker, Name
from genn.fake.interpreter import DTYPES, Interpreter
from genn.fake.language import Node, parse_expression, parse_statements
from genn.fake.models import (
    CustomUpdateVarAccess,
    Declared,
    Reference,
    ResolvedAccess,
    ToeplitzInit,
    VarAccess,
    VarAccessMode,
    WeightUpdateInit,
)

EVERYWHERE = {
    "dt": Name("scalar"),
    "t": Name("timepoint"),
    "num_batch": Name("unsigned int"),
    "batch": Name("unsigned int"),
}


class Group:
    """What all groups have: variables, parameters, the model they belong to."""

    __slots__ = ("dynamic", "kind", "model", "name", "params", "sparse", "vars")
    __slots__ += ("extra_global_params",)
    of_synapses = False

    def __init__(self, model: Any, name: str, kind: Declared, params: Any) -> None:
        self.model, self.name, self.kind = model, name, kind
        self.params = dict(params)
        self.dynamic: set[str] = set()
        self.vars: dict[str, FakeVariable] = {}
        self.extra_global_params = {n: FakeArray(n, k) for n, k in kind.arrays.items()}
        self.sparse = False

    def set_param_dynamic(self, param_name: str, dynamic: bool = True) -> None:
        self.model.unbuilt()
        if param_name not in self.params:
            raise RuntimeError(f"'{self.name}' has no parameter '{param_name}'")
        self.dynamic.add(param_name)

    def set_dynamic_param_value(self, name: str, value: float) -> None:
        self.model.loaded()
        if name not in self.dynamic:
            raise IndexError(f"'{name}' is no dynamic parameter of '{self.name}'")
        self.params[name] = float(value)

    def stored_order(self, values: np.ndarray) -> np.ndarray:
        return values

    def sized(self) -> Any:
        """The population that says how many entries there are."""
        return self

    def parameter_names(self) -> dict[str, Name]:
        return {n: Name(k) for n, k in self.kind.params.items()}

    def variable_names(self) -> dict[str, Name]:
        return {
            v.name: Name(v.kind, writable=v.access.writes) for v in self.vars.values()
        }

    def provided(self, shape: tuple[int, ...], batch: Any) -> dict[str, Any]:
        """Values of names that all code may use, and of parameters."""
        model = self.model
        values = {n: DTYPES[self.kind.params[n]](v) for n, v in self.params.items()}
        return {
            **values,
            "dt": np.float32(model.dt),
            "t": np.float32(model.timestep * model.dt),
            "num_batch": np.uint32(model.batch_size),
            "batch": np.broadcast_to(batch, shape).astype(np.uint32),
        }


class NeuronGroup(Group):
    __slots__ = ("emitted", "events", "history", "incoming", "num_neurons", "outgoing")
    __slots__ += ("queued", "recorded", "slots", "spike_recording_enabled", "trees")

    def __init__(
        self, model: Any, name: str, size: int, kind: Declared, params: Any, given: Any
    ) -> None:
        super().__init__(model, name, kind, params)
        kind.check_values(params, given)
        self.num_neurons = size
        self.spike_recording_enabled = False
        for n, (type_, access) in kind.vars.items():
            resolved = ResolvedAccess(access.batched, access is VarAccess.READ_WRITE)
            self.vars[n] = FakeVariable(n, type_, resolved, given[n], self)
        self.incoming: list[SynapseGroup] = []
        self.outgoing: list[SynapseGroup] = []
        self.slots = 1
        self.queued: set[str] = set()

    # ------------------------------------------------------------ building
    def build(self) -> None:
        names = {
            **EVERYWHERE,
            **self.parameter_names(),
            **self.variable_names(),
            **{n: Name(f"{k}*") for n, k in self.kind.arrays.items()},
            **{n: Name(k) for n, (k, _) in self.kind.inputs.items()},
            "id": Name("unsigned int"),
            "num_neurons": Name("unsigned int"),
            "Isyn": Name("scalar"),
        }
        codes = self.kind.codes
        self.trees: dict[str, Any] = {"sim": parse_statements(codes.get("sim", ""))}
        local = Checker(names, RANDOM).run(self.trees["sim"])
        if "threshold" in codes:
            self.trees["threshold"] = parse_expression(codes["threshold"])
            Checker({**names, **local}, RANDOM).numeric(self.trees["threshold"])
        if "reset" in codes:
            self.trees["reset"] = parse_statements(codes["reset"])
            Checker({**names, **local}, RANDOM).run(self.trees["reset"])

    def load(self) -> None:
        for variable in self.vars.values():
            variable.allocate(self.model.batch_size, self.num_neurons)
        for array in self.extra_global_params.values():
            array.allocate()
        shape = self.shape
        self.forget_spikes()
        self.history = {
            name: deque(
                [np.broadcast_to(v.device, shape).copy() for _ in range(self.slots)],
                maxlen=self.slots,
            )
            for name, v in self.vars.items()
        }
        self.recorded: list[np.ndarray] = []

    def unload(self) -> None:
        for held in (*self.vars.values(), *self.extra_global_params.values()):
            held.release()

    @property
    def shape(self) -> tuple[int, int]:
        return self.model.batch_size, self.num_neurons

    def forget_spikes(self) -> None:
        nothing = np.zeros(self.shape, dtype=bool)
        self.emitted = deque([nothing] * self.slots, maxlen=self.slots)

    # ------------------------------------------------------------ running
    def settle(self) -> None:
        """What was written since the last step is what synapses see of it."""
        for name, v in self.vars.items():
            self.history[name][-1] = np.broadcast_to(v.device, self.shape).copy()

    def update(self) -> None:
        shape = self.shape
        inputs = {"Isyn": np.zeros(shape, np.float32)}
        inputs |= {
            n: np.full(shape, v, np.float32) for n, (_, v) in self.kind.inputs.items()
        }
        for s in self.incoming:
            inputs[s.post_target_var] += s.arrived()
        for s in self.outgoing:
            inputs[s.pre_target_var] += s.sent_back
            s.sent_back[...] = 0
        rows = np.arange(shape[0])[:, None]
        values = {
            **self.provided(shape, rows),
            **inputs,
            "id": np.broadcast_to(np.arange(shape[1]), shape).astype(np.uint32),
            "num_neurons": np.uint32(self.num_neurons),
            **{n: np.broadcast_to(v.device, shape) for n, v in self.vars.items()},
            **{n: a.device for n, a in self.extra_global_params.items()},
        }
        kinds = {n: v.kind for n, v in self.vars.items()}
        run = Interpreter(shape, values, kinds)
        run.run(self.trees["sim"])
        spikes = np.zeros(shape, dtype=bool)
        if "threshold" in self.trees:
            found = run.evaluate(self.trees["threshold"])
            spikes = np.broadcast_to(found, shape).astype(bool).copy()
        for name, v in self.vars.items():
            if v.access.writes:
                v.device[...] = run.scopes[0][name]
            self.history[name].append(np.broadcast_to(v.device, shape).copy())
        self.emitted.append(spikes)
        if self.spike_recording_enabled:
            self.recorded.append(spikes)
        for s in self.outgoing:
            s.find_events()

    @property
    def spike_recording_data(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Times and neurons; within a word of 32 neurons the last comes first."""
        model, found = self.model, []
        count = model.pulled
        steps = self.recorded[model.timestep - count : model.timestep]
        for b in range(model.batch_size):
            times, ids = [], []
            for k, spikes in enumerate(steps):
                here = sorted(np.flatnonzero(spikes[b]), key=lambda i: (i // 32, -i))
                ids += here
                times += [(model.timestep - count + k) * model.dt] * len(here)
            found.append((np.array(times, float), np.array(ids, np.int32)))
        return found


class SynapseGroup(Group):
    __slots__ = ("axonal_delay_steps", "back_prop_delay_steps", "delayed", "events")
    __slots__ += ("indices", "init", "kernel", "matrix", "out_post", "places", "post")
    __slots__ += ("max_dendritic_delay_timesteps", "post_target_var", "starts", "trees")
    __slots__ += ("pre_target_var", "refs", "sent_back", "src", "toeplitz", "trg", "at")
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
        self.kernel = matrix == "TOEPLITZ"
        if self.kernel != (toeplitz is not None):
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
        pre, post = np.asarray(pre_indices), np.asarray(post_indices)
        self.indices = pre, post

    def stored_order(self, values: np.ndarray) -> np.ndarray:
        if not self.sparse or self.indices is None:
            return values
        pre, post = self.indices
        return values[..., np.lexsort((post, pre))]

    # ------------------------------------------------------------ building
    def build(self) -> None:
        for end, target in (
            (self.trg, self.post_target_var),
            (self.src, self.pre_target_var),
        ):
            if target not in {"Isyn", *end.kind.inputs}:
                raise RuntimeError(f"'{end.name}' has no input '{target}'")
        self.refs: dict[str, tuple[str, FakeVariable]] = {}
        self._resolve("pre", self.src, self.init.pre_refs)
        self._resolve("post", self.trg, self.init.post_refs)
        self._check_codes()
        longest = self.max_dendritic_delay_timesteps or 1
        self.trg.slots = max(self.trg.slots, longest)
        self.src.slots = max(self.src.slots, self.axonal_delay_steps + 1)

    def _resolve(self, end: str, group: NeuronGroup, given: Any) -> None:
        for name, (kind, access) in self.kind.refs[end].items():
            reference = given[name]
            if reference.group is not group:
                raise RuntimeError(f"'{name}' refers to another population")
            if reference.kind != kind:
                raise RuntimeError(f"Incompatible type for variable reference '{name}'")
            if access is not VarAccessMode.READ_ONLY:
                raise RuntimeError(f"'{name}' is read-only in synapse code")
            self.refs[name] = end, reference.variable

    def _check_codes(self) -> None:
        events = "event" in self.kind.codes
        if events and self.axonal_delay_steps:
            raise RuntimeError("events that wait at the source are not modelled")
        if self.kernel and "dynamics" in self.kind.codes:
            raise RuntimeError("synapse dynamics are for DENSE and SPARSE")
        own = {
            n: Name(v.kind, writable=v.access.writes and not self.kernel)
            for n, v in self.vars.items()
        }
        names = {
            **EVERYWHERE,
            **self.parameter_names(),
            **own,
            **{
                n: Name(v.kind, delayed=end == "post")
                for n, (end, v) in self.refs.items()
            },
            **dict.fromkeys(
                ["id_pre", "id_post", "id_syn", "num_pre", "num_post"],
                Name("unsigned int"),
            ),
        }
        functions = {"addToPost": 1, "addToPre": 1, "addToPostDelay": 2}
        if self.kernel:
            functions |= {
                f"atomic_add_{n}": 1 for n, v in self.vars.items() if v.access.writes
            }
        self.trees: dict[str, Any] = {}
        delays = False
        for name in ("dynamics", "event", "spike"):
            code = self.kind.codes.get(name, "")
            self.trees[name] = parse_statements(code)
            checker = Checker(names, functions)
            checker.run(self.trees[name])
            delays = delays or bool(checker.indexed) or "addToPostDelay" in code
            self.trg.queued |= {self.refs[n][1].name for n in checker.indexed}
        if self.axonal_delay_steps:
            before = {v.name for end, v in self.refs.values() if end == "pre"}
            self.src.queued |= before
        if delays and not self.max_dendritic_delay_timesteps:
            raise RuntimeError("max_dendritic_delay_timesteps must be set")
        if events:
            pre = {
                n: x for n, x in names.items() if self.refs.get(n, ("",))[0] == "pre"
            }
            allowed = {**EVERYWHERE, **self.parameter_names(), **pre}
            allowed["id"] = Name("unsigned int")
            self.trees["event_if"] = parse_expression(self.kind.codes["event_if"])
            Checker(allowed).numeric(self.trees["event_if"])

    def load(self) -> None:
        if self.sparse and self.indices is None:
            raise RuntimeError(f"'{self.name}' has no connections")
        pre, self.post, self.places = self._connected()
        self.starts = np.searchsorted(pre, np.arange(self.src.num_neurons + 1))
        count = int(self.places.max(initial=-1)) + 1
        if self.kernel and self.toeplitz:
            p = self.toeplitz.params
            count = p["conv_kh"] * p["conv_kw"] * p["conv_ic"] * p["conv_oc"]
        for variable in self.vars.values():
            variable.allocate(self.model.batch_size, count)
        self.out_post = np.zeros(self.trg.shape, np.float32)
        self.sent_back = np.zeros(self.src.shape, np.float32)
        self.events = np.zeros(self.src.shape, dtype=bool)
        self.forget_delayed()

    def unload(self) -> None:
        for variable in self.vars.values():
            variable.release()

    def _connected(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sources, targets = self.src.num_neurons, self.trg.num_neurons
        if self.toeplitz:
            return _convolution(self.toeplitz.params)
        if self.indices is not None:
            pre, post = self.indices
            order = np.lexsort((post, pre))
            return pre[order], post[order], np.arange(len(pre))
        pre = np.repeat(np.arange(sources), targets)
        post = np.tile(np.arange(targets), sources)
        return pre, post, np.arange(sources * targets)

    def forget_delayed(self) -> None:
        steps = self.max_dendritic_delay_timesteps or 1
        self.delayed = np.zeros((steps, *self.trg.shape), np.float32)
        self.at = 0

    # ------------------------------------------------------------ running
    def propagate(self) -> None:
        """All synapses, then events, then spikes, of the step before and as long ago as
        they wait."""
        self.at = (self.at + 1) % len(self.delayed)
        self._run(np.ones(self.src.shape, dtype=bool), self.trees["dynamics"])
        self._run(self.events, self.trees["event"])
        self._run(self.src.emitted[-1 - self.axonal_delay_steps], self.trees["spike"])

    def arrived(self) -> np.ndarray:
        """What DeltaCurr injects."""
        total = self.out_post + self.delayed[self.at]
        self.out_post[...] = 0
        self.delayed[self.at] = 0
        return total

    def find_events(self) -> None:
        if "event_if" not in self.trees:
            return
        shape = self.src.shape
        values = self.provided(shape, np.arange(shape[0])[:, None])
        for name, (end, v) in self.refs.items():
            if end == "pre":
                values[name] = np.broadcast_to(v.device, shape)
        found = Interpreter(shape, values, {}).evaluate(self.trees["event_if"])
        self.events = np.broadcast_to(found, shape).astype(bool).copy()

    def _run(self, active: np.ndarray, tree: list[Node]) -> None:
        batch, pre = np.nonzero(active)
        if not tree or not len(pre):
            return
        counts = self.starts[pre + 1] - self.starts[pre]
        rows, pre = np.repeat(batch, counts), np.repeat(pre, counts)
        ends = np.cumsum(counts)
        synapse = np.arange(len(rows)) - np.repeat(ends - counts, counts)
        synapse += self.starts[pre]
        post, place = self.post[synapse], self.places[synapse]
        shape = rows.shape
        values = self.provided(shape, rows)
        for name, v in self.vars.items():
            values[name] = v.device[rows, place] if v.batched else v.device[place]
        delayed = {}
        for name, (end, v) in self.refs.items():
            at, group = (pre, self.src) if end == "pre" else (post, self.trg)
            history = group.history[v.name]
            waited = self.axonal_delay_steps if end == "pre" else 0
            values[name] = history[-1 - waited][rows, at]
            delayed[name] = _reader(history, rows, at)
        run = Interpreter(
            shape,
            values,
            {n: v.kind for n, v in self.vars.items()},
            self._functions(rows, pre, post, place),
            delayed,
        )
        run.run(tree)
        for name, v in self.vars.items():
            if v.access.writes and not self.kernel:
                target = (rows, place) if v.batched else (place,)
                v.device[target] = run.scopes[0][name]

    def _functions(
        self, rows: np.ndarray, pre: np.ndarray, post: np.ndarray, place: np.ndarray
    ) -> dict[str, Any]:
        def add_to_post(mask: np.ndarray, x: np.ndarray) -> None:
            np.add.at(self.out_post, (rows[mask], post[mask]), x)

        def add_to_pre(mask: np.ndarray, x: np.ndarray) -> None:
            np.add.at(self.sent_back, (rows[mask], pre[mask]), x)

        def add_delayed(mask: np.ndarray, x: np.ndarray, steps: np.ndarray) -> None:
            if steps.size and steps.max() >= len(self.delayed):
                raise RuntimeError("a delay is too long")
            at = (self.at + steps.astype(int)) % len(self.delayed)
            np.add.at(self.delayed, (at, rows[mask], post[mask]), x)

        def adder(v: FakeVariable) -> Any:
            def add(mask: np.ndarray, x: np.ndarray) -> None:
                np.add.at(v.device, (rows[mask], place[mask]), x)

            return add

        return {
            "addToPost": add_to_post,
            "addToPre": add_to_pre,
            "addToPostDelay": add_delayed,
            **{f"atomic_add_{n}": adder(v) for n, v in self.vars.items() if v.batched},
        }


def _reader(history: Any, rows: np.ndarray, at: np.ndarray) -> Any:
    """What a neuron's variable was some steps ago."""

    def read(steps: np.ndarray) -> np.ndarray:
        stacked = np.stack(history)
        if steps.max(initial=0) >= len(stacked):
            raise RuntimeError("a delay is longer than what is kept")
        return stacked[len(stacked) - 1 - steps.astype(int), rows, at]

    return read


def _convolution(p: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(source, target, place in the kernel) as the Toeplitz snippet makes them."""
    kh, kw, ih, iw, ic, oh, ow, oc = (
        p[f"conv_{n}"] for n in ["kh", "kw", "ih", "iw", "ic", "oh", "ow", "oc"]
    )
    bh, bw = (ih + kh - 1 - oh) // 2, (iw + kw - 1 - ow) // 2
    found = []
    for r in range(ih):
        for c in range(iw):
            for ch in range(ic):
                for kr in range(kh):
                    for kc in range(kw):
                        to = r + kr - bh, c + kc - bw
                        if 0 <= to[0] < oh and 0 <= to[1] < ow:
                            pre = (r * iw + c) * ic + ch
                            post = (to[0] * ow + to[1]) * oc
                            flipped = (kh - 1 - kr) * kw + kw - 1 - kc
                            place = (flipped * ic + ch) * oc
                            found += [(pre, post + o, place + o) for o in range(oc)]
    pre, post, place = np.array(found).T
    return pre, post, place


class CustomUpdate(Group):
    __slots__ = ("group", "refs", "tree")

    def __init__(
        self,
        model: Any,
        names: tuple[str, str],
        kind: Declared,
        params: Any,
        given: tuple[Any, Any],
    ) -> None:
        super().__init__(model, names[0], kind, params)
        self.group = names[1]
        values, refs = given
        kind.check_values(params, values)
        if set(refs) != set(kind.refs["var"]):
            raise RuntimeError(f"references {sorted(kind.refs['var'])} are needed")
        self.refs: dict[str, tuple[Reference, VarAccessMode]] = {}
        batched = any(r.variable is None or r.variable.batched for r in refs.values())
        for name, reference in refs.items():
            kind_, access = kind.refs["var"][name]
            self._check(name, reference, kind_, access, batched)
            self.refs[name] = reference, access
        for n, (type_, access) in kind.vars.items():
            shared = access in (
                CustomUpdateVarAccess.READ_ONLY_SHARED,
                CustomUpdateVarAccess.REDUCE_BATCH_SUM,
            )
            resolved = ResolvedAccess(
                batched and not shared,
                access is CustomUpdateVarAccess.READ_WRITE,
                access is CustomUpdateVarAccess.REDUCE_BATCH_SUM,
            )
            self.vars[n] = FakeVariable(n, type_, resolved, values[n], self)
        sizes = {id(r.group.sized()) for r, _ in self.refs.values()}
        if len(sizes) > 1:
            raise RuntimeError(f"'{self.name}' refers to groups of several sizes")

    def _check(
        self, name: str, reference: Reference, kind: str, access: Any, batched: bool
    ) -> None:
        if reference.kind != kind:
            raise RuntimeError(f"Incompatible type for variable reference '{name}'")
        if access is VarAccessMode.READ_ONLY:
            return
        variable = reference.variable
        if variable is None:
            if access is not VarAccessMode.BROADCAST:
                raise RuntimeError(f"'{name}' has to be broadcast")
            return
        if not variable.access.writes:
            raise RuntimeError(f"'{name}' refers to a variable that is read only")
        if batched and not variable.batched:
            raise RuntimeError(f"'{name}' is shared by the batch, and written")

    @property
    def of_synapses(self) -> bool:  # type: ignore[override]
        return any(r.synaptic for r, _ in self.refs.values())

    def sized(self) -> Any:
        return next(iter(self.refs.values()))[0].group.sized()

    def stored_order(self, values: np.ndarray) -> np.ndarray:
        return self.sized().stored_order(values) if self.of_synapses else values

    def build(self) -> None:
        names = {**EVERYWHERE, **self.parameter_names()}
        for n, v in self.vars.items():
            names[n] = Name(v.kind, writable=v.access.writes, reduced=v.access.reduces)
        for n, (reference, access) in self.refs.items():
            broadcast = access is VarAccessMode.BROADCAST
            writes = access is VarAccessMode.READ_WRITE
            names[n] = Name(reference.kind, writable=writes, reduced=broadcast)
        queued = {
            r.variable.name in r.group.queued
            for r, _ in self.refs.values()
            if r.variable and isinstance(r.group, NeuronGroup)
        }
        if len(queued) > 1:
            raise RuntimeError(f"'{self.name}': variables with and without delay")
        own = ["id_pre", "id_post"] if self.of_synapses else ["id", "num_neurons"]
        names |= dict.fromkeys(own, Name("unsigned int"))
        self.tree = parse_statements(self.kind.codes["update"])
        Checker(names).run(self.tree)
        self.sparse = self.of_synapses and self.sized().sparse

    def load(self) -> None:
        referred = [r.variable for r, _ in self.refs.values() if r.variable]
        entries = referred[0].device.shape[-1] if referred else 1
        for variable in self.vars.values():
            variable.allocate(self.model.batch_size, entries)

    def unload(self) -> None:
        for variable in self.vars.values():
            variable.release()

    def update(self) -> None:
        variables = {n: r.variable for n, (r, _) in self.refs.items()} | self.vars
        held = {n: v for n, v in variables.items() if v is not None}
        for reference, _ in self.refs.values():
            if reference.clear:
                reference.clear()
        if not held:
            return
        batched = any(v.batched for v in held.values())
        entries = next(iter(held.values())).device.shape[-1]
        shape = (self.model.batch_size if batched else 1, entries)
        values = self.provided(shape, np.arange(shape[0])[:, None])
        values |= {n: np.broadcast_to(v.device, shape) for n, v in held.items()}
        run = Interpreter(shape, values, {n: v.kind for n, v in held.items()})
        run.run(self.tree)
        for name, v in held.items():
            written = v.access.writes or v.access.reduces
            if name in self.refs:
                written = self.refs[name][1] is VarAccessMode.READ_WRITE
            if v.access.reduces:
                v.device[...] = run.scopes[0][name].sum(axis=0)
            elif written:
                found = np.broadcast_to(run.scopes[0][name], shape)
                v.device[...] = found if v.batched else found[0]
