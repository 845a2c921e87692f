"""Errors are also of the classes that scripts written for mlGeNN catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ml_genn import Network, Population
from ml_genn.callbacks import Callback
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.data import split_dataset
from ml_genn.errors import MlGennError
from ml_genn.utils.filter import ExampleFilter, get_neuron_filter_mask


class Keyed(Callback):
    """Callback whose data have a key that its attribute does not name."""

    def get_data(self) -> Any:
        return "key", 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Population("spike_input", 3), RuntimeError),
        (lambda: split_dataset({"x": np.ones(4)}, 10.0), RuntimeError),
        (lambda: ExampleFilter(["one", 2]), RuntimeError),
        (lambda: get_neuron_filter_mask([True, False], 3), RuntimeError),
        (lambda: get_neuron_filter_mask([1, 5], 3), IndexError),
        (lambda: get_neuron_filter_mask([[0, 0], [0, 4]], (2, 3)), IndexError),
        (lambda: get_neuron_filter_mask([[0], [0], [0]], (2, 3)), IndexError),
        (lambda: CallbackList([Keyed(), Keyed()]).get_data(), KeyError),
        (lambda: CallbackList(["unknown"]), KeyError),
        (lambda: CallbackList(["unknown"]), RuntimeError),
    ],
)
def test_errors_are_those_of_mlgenn(
    call: Callable[[], Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, MlGennError)
    assert not str(caught.value).startswith(("'", '"'))


def test_filters_may_be_lists_of_indices_by_dimension() -> None:
    mask = get_neuron_filter_mask([[0, 0], [0, 2]], (2, 3))
    np.testing.assert_array_equal(mask, [1, 0, 1, 0, 0, 0])
    mask = get_neuron_filter_mask([slice(0, 1), [0, 2]], (2, 3))
    np.testing.assert_array_equal(mask, [1, 0, 1, 0, 0, 0])


def test_networks_have_defaults_for_classes_with_a_decorated_constructor() -> None:
    from ml_genn.utils.decorators import network_default_params

    from ml_genn.utils.module import get_module_classes, get_object

    class Model:
        @network_default_params
        def __init__(self, a: float = 1.0, b: float = 0.0) -> None:
            self.a, self.b = a, b

    known = get_module_classes({"Model": Model}, object)
    with Network({Model: {"a": 3.0}}):
        named: Any = get_object("model", object, "Model", known)
        models = [Model(), named, Model(2.0), Model(a=2.0)]
    assert [model.a for model in models] == [3.0, 3.0, 2.0, 2.0]
