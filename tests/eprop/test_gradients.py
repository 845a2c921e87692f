"""e-prop in reverse time against eligibility traces propagated forward."""

from __future__ import annotations

import numpy as np
import pytest
from eprop.reference_nets import ALIF, LIF, NUM_HIDDEN, Case
from reference import eprop

TOLERANCE = 1e-4
CASES = {
    "lif": Case({"h": LIF}),
    "lif_feedforward": Case({"h": LIF}, recurrent=False),
    "lif_refractory": Case({"h": eprop.Hidden(NUM_HIDDEN, tau_refrac=5.0)}),
    "alif": Case({"h": ALIF}),
    "alif_refractory": Case(
        {"h": eprop.Hidden(NUM_HIDDEN, 15.0, 0.6, 0.1, 100.0, tau_refrac=3.0)}
    ),
    "regularised": Case({"h": ALIF}, c_reg=0.5),
    "squared_error": Case({"h": LIF}, loss="squared_error", c_reg=3.0),
    "time_constants": Case(
        {"a": eprop.Hidden(NUM_HIDDEN, 12.0, 0.6), "b": ALIF}, tau_out=30.0, c_reg=0.1
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients(name: str) -> None:
    case = CASES[name]
    expected = case.reference()
    assert all(spikes.sum() > 5 for spikes in expected.spikes.values())
    compiled, connections, populations = case.compile()
    spikes, target = case.data()
    gradients = compiled.gradients(spikes[None], np.array(target)[None])
    for k, connection in enumerate(connections):
        e, g = expected.gradients[k], gradients[connection]
        assert np.linalg.norm(e) > 0
        assert np.linalg.norm(g - e) / np.linalg.norm(e) < TOLERANCE, connection
    bias = gradients[populations["out"], "bias"]
    np.testing.assert_allclose(bias, expected.bias, rtol=1e-3, atol=1e-4)


def test_the_bias_stays_where_it_is_not_trained() -> None:
    compiled, _, populations = CASES["lif"].compile(train_output_bias=False)
    spikes, target = CASES["lif"].data()
    gradients = compiled.gradients(spikes[None], [target])
    assert (populations["out"], "bias") not in gradients
