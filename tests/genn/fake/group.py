"""Base of populations and custom updates in the fake."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from genn.fake.arrays import FakeArray, FakeVariable
from genn.fake.checker import Name
from genn.fake.interpreter import DTYPES
from genn.fake.models import Declared

#: Names that all code may read.
COMMON_NAMES = {
    "dt": Name("scalar"),
    "t": Name("timepoint"),
    "num_batch": Name("unsigned int"),
    "batch": Name("unsigned int"),
}


class Group:
    """Variables and parameters of a population or custom update.

    Attributes:
        model: the GeNN model.
        declared: neuron, weight update or custom update model of the group, which
            PyGeNN does not keep alive.
        params: {parameter: value}.
        dynamic: parameters that may be set while the model runs.
        sparse: True if variables are stored in the order of sparse synapses.
    """

    __slots__ = ("_declared", "dynamic", "model", "name", "params", "sparse", "vars")
    __slots__ += ("extra_global_params",)
    of_synapses = False

    def __init__(self, model: Any, name: str, declared: Declared, params: Any) -> None:
        self.model, self.name, self._declared = model, name, weakref.ref(declared)
        self.params = dict(params)
        self.dynamic: set[str] = set()
        self.vars: dict[str, FakeVariable] = {}
        self.extra_global_params = {
            name: FakeArray(name, type_) for name, type_ in declared.arrays.items()
        }
        self.sparse = False

    @property
    def declared(self) -> Declared:
        declared = self._declared()
        if declared is None:
            raise RuntimeError(f"the code model of '{self.name}' was freed")
        return declared

    def set_param_dynamic(self, param_name: str, dynamic: bool = True) -> None:
        self.model.check_not_built()
        if param_name not in self.params:
            raise RuntimeError(f"'{self.name}' has no parameter '{param_name}'")
        self.dynamic.add(param_name)

    def set_dynamic_param_value(self, name: str, value: float) -> None:
        self.model.check_loaded()
        if name not in self.dynamic:
            raise IndexError(f"'{name}' is no dynamic parameter of '{self.name}'")
        self.params[name] = float(value)

    def device_order(self, values: np.ndarray) -> np.ndarray:
        """Returns initial values of a variable in the order of the device."""
        return values

    def base_population(self) -> Any:
        """Returns the population whose size the group has."""
        return self

    def parameter_names(self) -> dict[str, Name]:
        return {name: Name(type_) for name, type_ in self.declared.params.items()}

    def variable_names(self) -> dict[str, Name]:
        return {
            v.name: Name(v.type, writable=v.access.writes) for v in self.vars.values()
        }

    def common_values(self, shape: tuple[int, ...], batch: Any) -> dict[str, Any]:
        """Returns values of `COMMON_NAMES` and of parameters.

        Args:
            shape: shape of the neurons or synapses that run.
            batch: example that each belongs to.
        """
        model = self.model
        types = self.declared.params
        values = {name: DTYPES[types[name]](v) for name, v in self.params.items()}
        return {
            **values,
            "dt": np.float32(model.dt),
            "t": np.float32(model.timestep * model.dt),
            "num_batch": np.uint32(model.batch_size),
            "batch": np.broadcast_to(batch, shape).astype(np.uint32),
        }
