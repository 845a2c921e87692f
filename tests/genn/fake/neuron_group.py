"""Neuron populations of the fake: checked when built, run in NumPy."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from genn.fake.arrays import FakeVariable
from genn.fake.checker import RANDOM, Checker, Name
from genn.fake.group import COMMON_NAMES, Group
from genn.fake.interpreter import Interpreter
from genn.fake.language import parse_expression, parse_statements
from genn.fake.models import Declared, ResolvedAccess, VarAccess

SPIKE_WORD = 32  #: neurons in a word of GeNN's spike recordings


class NeuronGroup(Group):
    """Neuron population.

    Attributes:
        incoming, outgoing: synapse populations.
        queue_length: number of steps that delay queues hold; the last is the present.
        history: {variable: queue of (examples, neurons)}.
        spike_queue: queue of spikes (examples, neurons).
        recorded: spikes of each step since time 0.
        code: parsed code strings.
    """

    __slots__ = ("code", "history", "incoming", "num_neurons")
    __slots__ += ("outgoing", "queue_length", "recorded", "spike_queue")
    __slots__ += ("spike_recording_enabled",)

    def __init__(
        self,
        model: Any,
        name: str,
        size: int,
        declared: Declared,
        params: Any,
        values: Any,
    ) -> None:
        super().__init__(model, name, declared, params)
        declared.check_values(params, values)
        self.num_neurons = size
        self.spike_recording_enabled = False
        for n, (type_, access) in declared.vars.items():
            resolved = ResolvedAccess(access.batched, access is VarAccess.READ_WRITE)
            self.vars[n] = FakeVariable(n, type_, resolved, values[n], self)
        self.incoming: list[Any] = []
        self.outgoing: list[Any] = []
        self.queue_length = 1

    @property
    def shape(self) -> tuple[int, int]:
        return self.model.batch_size, self.num_neurons

    # ------------------------------------------------------------ building
    def build(self) -> None:
        declared = self.declared
        names = {
            **COMMON_NAMES,
            **self.parameter_names(),
            **self.variable_names(),
            **{n: Name(f"{type_}*") for n, type_ in declared.arrays.items()},
            **{n: Name(type_) for n, (type_, _) in declared.inputs.items()},
            "id": Name("unsigned int"),
            "num_neurons": Name("unsigned int"),
            "Isyn": Name("scalar"),
        }
        codes = declared.codes
        self.code: dict[str, Any] = {"sim": parse_statements(codes.get("sim", ""))}
        local = Checker(names, RANDOM).run(self.code["sim"])
        if "threshold" in codes:
            self.code["threshold"] = parse_expression(codes["threshold"])
            Checker({**names, **local}, RANDOM).numeric(self.code["threshold"])
        if "reset" in codes:
            self.code["reset"] = parse_statements(codes["reset"])
            Checker({**names, **local}, RANDOM).run(self.code["reset"])

    def load(self) -> None:
        for variable in self.vars.values():
            variable.allocate(self.model.batch_size, self.num_neurons)
        for array in self.extra_global_params.values():
            array.allocate()
        self.clear_spikes()
        self.history = {
            name: deque(
                [self._snapshot(v) for _ in range(self.queue_length)],
                maxlen=self.queue_length,
            )
            for name, v in self.vars.items()
        }
        self.recorded: list[np.ndarray] = []

    def unload(self) -> None:
        for memory in (*self.vars.values(), *self.extra_global_params.values()):
            memory.release()

    def clear_spikes(self) -> None:
        silent = np.zeros(self.shape, dtype=bool)
        self.spike_queue = deque([silent] * self.queue_length, maxlen=self.queue_length)

    def _snapshot(self, variable: FakeVariable) -> np.ndarray:
        return np.broadcast_to(variable.device, self.shape).copy()

    # ------------------------------------------------------------ running
    def refresh_history(self) -> None:
        """Replaces the present of the queues: the host may have set variables."""
        for name, variable in self.vars.items():
            self.history[name][-1] = self._snapshot(variable)

    def update(self) -> None:
        """Runs one time step."""
        run = Interpreter(
            self.shape, self._values(), {n: v.type for n, v in self.vars.items()}
        )
        run.run(self.code["sim"])
        spikes = np.zeros(self.shape, dtype=bool)
        if "threshold" in self.code:
            condition = run.evaluate(self.code["threshold"])
            spikes = np.broadcast_to(condition, self.shape).astype(bool).copy()
        for name, v in self.vars.items():
            if v.access.writes:
                v.device[...] = run.scopes[0][name]
            self.history[name].append(self._snapshot(v))
        self.spike_queue.append(spikes)
        if self.spike_recording_enabled:
            self.recorded.append(spikes)
        for s in self.outgoing:
            s.update_events()

    def _values(self) -> dict[str, Any]:
        """Returns values of all names that the code may read."""
        shape = self.shape
        return {
            **self.common_values(shape, np.arange(shape[0])[:, None]),
            **self._inputs(),
            "id": np.broadcast_to(np.arange(shape[1]), shape).astype(np.uint32),
            "num_neurons": np.uint32(self.num_neurons),
            **{n: np.broadcast_to(v.device, shape) for n, v in self.vars.items()},
            **{n: a.device for n, a in self.extra_global_params.items()},
        }

    def _inputs(self) -> dict[str, np.ndarray]:
        """Returns {input: (examples, neurons)} and clears what synapses added."""
        shape = self.shape
        inputs = {"Isyn": np.zeros(shape, np.float32)}
        for name, (_, initial) in self.declared.inputs.items():
            inputs[name] = np.full(shape, initial, np.float32)
        for s in self.incoming:
            inputs[s.post_target_var] += s.take_postsynaptic_input()
        for s in self.outgoing:
            inputs[s.pre_target_var] += s.out_pre
            s.out_pre[...] = 0
        return inputs

    @property
    def spike_recording_data(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(times, neurons) of each example; neurons of a word come in reverse order."""
        model = self.model
        first = model.timestep - model.pulled
        steps = self.recorded[first : model.timestep]
        examples = []
        for b in range(model.batch_size):
            times, ids = [], []
            for k, spikes in enumerate(steps):
                neurons = sorted(
                    np.flatnonzero(spikes[b]), key=lambda i: (i // SPIKE_WORD, -i)
                )
                ids += neurons
                times += [(first + k) * model.dt] * len(neurons)
            examples.append((np.array(times, float), np.array(ids, np.int32)))
        return examples
