"""mlGeNN's variables of gradients are answered by an error that names ours."""

from __future__ import annotations

import pytest
from training.small_nets import small

from ml_genn.callbacks import ConnVarRecorder
from ml_genn.errors import UnsupportedError


@pytest.mark.parametrize("name", ["Gradient", "DelayGradient"])
def test_gradients_are_no_variables(name: str) -> None:
    net = small()
    connection = net.network.connections[0]
    advice = r"compiled.gradients\(x, y\) returns.*optimisers="
    with pytest.raises(UnsupportedError, match=advice):
        ConnVarRecorder(connection, name)
    group = net.compile_training().connection_populations[connection]
    with pytest.raises(UnsupportedError, match=advice):
        _ = group.vars[name]
