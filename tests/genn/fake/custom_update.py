"""Custom updates of the fake: checked when added and built, run in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from genn.fake.arrays import FakeVariable
from genn.fake.checker import Checker, Name
from genn.fake.group import COMMON_NAMES, Group
from genn.fake.interpreter import Interpreter
from genn.fake.language import parse_statements
from genn.fake.models import (
    CustomUpdateVarAccess,
    Declared,
    ResolvedAccess,
    VarAccessMode,
)
from genn.fake.references import Reference


class CustomUpdate(Group):
    """Custom update.

    Args:
        model: the GeNN model.
        names: its name, and the name of the updates that run with it.
        declared: custom update model.
        params: {parameter: value}.
        values: {variable: initial value}.
        refs: {name in code: reference}.

    Attributes:
        group: name of the updates that run together.
        refs: {name in code: (reference, access)}.
        code: parsed code string.
    """

    __slots__ = ("code", "group", "refs")

    def __init__(
        self,
        model: Any,
        names: tuple[str, str],
        declared: Declared,
        params: Any,
        values: Any,
        refs: Any,
    ) -> None:
        super().__init__(model, names[0], declared, params)
        self.group = names[1]
        declared.check_values(params, values)
        if set(refs) != set(declared.refs["var"]):
            raise RuntimeError(f"references {sorted(declared.refs['var'])} are needed")
        self.refs: dict[str, tuple[Reference, VarAccessMode]] = {}
        batched = any(r.variable is None or r.variable.batched for r in refs.values())
        several = batched and model.batch_size > 1
        for name, reference in refs.items():
            type_, access = declared.refs["var"][name]
            _check_reference(name, reference, type_, access, several)
            self.refs[name] = reference, access
        for name, (type_, access) in declared.vars.items():
            resolved = _resolved_access(access, batched)
            self.vars[name] = FakeVariable(name, type_, resolved, values[name], self)
        populations = {id(r.group.base_population()) for r, _ in self.refs.values()}
        if len(populations) > 1:
            raise RuntimeError(f"'{self.name}' refers to groups of several sizes")

    @property
    def of_synapses(self) -> bool:  # type: ignore[override]
        return any(r.synaptic for r, _ in self.refs.values())

    def base_population(self) -> Any:
        return next(iter(self.refs.values()))[0].group.base_population()

    def device_order(self, values: np.ndarray) -> np.ndarray:
        if not self.of_synapses:
            return values
        return self.base_population().device_order(values)

    # ------------------------------------------------------------ building
    def build(self) -> None:
        names = {**COMMON_NAMES, **self.parameter_names()}
        for n, v in self.vars.items():
            names[n] = Name(v.type, writable=v.access.writes, reduced=v.access.reduces)
        for n, (reference, access) in self.refs.items():
            broadcast = access is VarAccessMode.BROADCAST
            writes = access is VarAccessMode.READ_WRITE
            names[n] = Name(reference.type, writable=writes, reduced=broadcast)
        own = ["id_pre", "id_post"] if self.of_synapses else ["id", "num_neurons"]
        names |= dict.fromkeys(own, Name("unsigned int"))
        self.code = parse_statements(self.declared.codes["update"])
        Checker(names).run(self.code)
        self.sparse = self.of_synapses and self.base_population().sparse

    def load(self) -> None:
        variables = [r.variable for r, _ in self.refs.values() if r.variable]
        elements = variables[0].device.shape[-1] if variables else 1
        for variable in self.vars.values():
            variable.allocate(self.model.batch_size, elements)

    def unload(self) -> None:
        for variable in self.vars.values():
            variable.release()

    # ------------------------------------------------------------ running
    def update(self) -> None:
        """Runs the code once for each neuron or synapse."""
        for reference, _ in self.refs.values():
            if reference.clear:
                reference.clear()
        referenced = {n: r.variable for n, (r, _) in self.refs.items() if r.variable}
        variables = referenced | self.vars
        if not variables:
            return
        batched = any(v.batched for v in variables.values())
        elements = next(iter(variables.values())).device.shape[-1]
        shape = (self.model.batch_size if batched else 1, elements)
        values = self.common_values(shape, np.arange(shape[0])[:, None])
        values |= {n: np.broadcast_to(v.device, shape) for n, v in variables.items()}
        run = Interpreter(shape, values, {n: v.type for n, v in variables.items()})
        run.run(self.code)
        for name, v in variables.items():
            if v.access.reduces:
                v.device[...] = run.scopes[0][name].sum(axis=0)
            elif self._writes(name, v):
                result = np.broadcast_to(run.scopes[0][name], shape)
                v.device[...] = result if v.batched else result[0]

    def _writes(self, name: str, variable: FakeVariable) -> bool:
        if name in self.refs:
            return self.refs[name][1] is VarAccessMode.READ_WRITE
        return bool(variable.access.writes)


def _check_reference(
    name: str, reference: Reference, type_: str, access: Any, batched: bool
) -> None:
    if reference.type != type_:
        raise RuntimeError(f"Incompatible type for variable reference '{name}'")
    if access is VarAccessMode.READ_ONLY:
        return
    variable = reference.variable
    if variable is None:
        if access is not VarAccessMode.BROADCAST:
            raise RuntimeError(f"'{name}' has to be broadcast")
        return
    if batched and not variable.batched:
        raise RuntimeError(f"'{name}' is shared by the batch, and written")


def _resolved_access(access: CustomUpdateVarAccess, batched: bool) -> ResolvedAccess:
    shared = access in (
        CustomUpdateVarAccess.READ_ONLY_SHARED,
        CustomUpdateVarAccess.REDUCE_BATCH_SUM,
    )
    return ResolvedAccess(
        batched and not shared,
        access is CustomUpdateVarAccess.READ_WRITE,
        access is CustomUpdateVarAccess.REDUCE_BATCH_SUM,
    )
