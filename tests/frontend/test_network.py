"""Networks, populations, connections and layers: ``with`` blocks, names, errors."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest

from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import NetworkContextError, UnknownNameError, ValidationError
from ml_genn.graph.traversal import (
    get_network_dag,
    get_underlying_conn,
    get_underlying_pop,
)
from ml_genn.neurons import LeakyIntegrate, SpikeInput
from ml_genn.synapses import Exponential

NETWORKS = (Network, SequentialNetwork)


# ---------------------------------------------------------------- context
@pytest.mark.parametrize("cls", NETWORKS)
def test_with_binds_the_network(cls: Any) -> None:
    network = cls()
    with network as bound:
        assert bound is network
        assert Network.current() is network


def test_no_network_is_current_outside_a_block() -> None:
    with Network():
        pass
    with pytest.raises(NetworkContextError, match="inside a 'with network:' block"):
        Network.current()


def test_an_exception_inside_leaves_the_block() -> None:
    network = Network()
    with pytest.raises(ZeroDivisionError), network:
        Population("spike_input", 2)
        _ = 1 / 0
    with pytest.raises(NetworkContextError):
        Population("spike_input", 2)
    with network:
        Population("spike_input", 2)
    assert len(network.populations) == 2


def test_blocks_nest() -> None:
    with Network() as outer:
        Population("spike_input", 2, name="a")
        with Network() as inner:
            Population("spike_input", 2, name="b")
            assert Network.current() is inner
        Population("spike_input", 2, name="c")
    assert [p.name for p in outer.populations] == ["a", "c"]
    assert [p.name for p in inner.populations] == ["b"]


def test_an_exception_in_an_inner_block_leaves_the_outer_one_open() -> None:
    with Network() as outer:
        with pytest.raises(ValidationError), Network():
            Population("spike_input", 0)
        assert Network.current() is outer


def test_blocks_are_left_in_order() -> None:
    first, second = Network(), Network()
    first.__enter__()
    second.__enter__()
    with pytest.raises(NetworkContextError, match="opposite"):
        first.__exit__()
    second.__exit__()
    first.__exit__()
    with pytest.raises(NetworkContextError):
        Network.current()


def test_a_network_can_be_entered_again() -> None:
    network = Network()
    for _ in range(2):
        with network:
            Population("spike_input", 2)
    assert [p.name for p in network.populations] == ["Pop0", "Pop1"]


def test_threads_do_not_share_a_block() -> None:
    seen: list[Exception] = []

    def work() -> None:
        try:
            Population("spike_input", 2)
        except NetworkContextError as error:
            seen.append(error)

    with Network() as network:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(seen) == 1
    assert not network.populations


def test_objects_outside_a_block_are_refused() -> None:
    for make in (
        lambda: Population("spike_input", 2),
        lambda: InputLayer("spike_input", 2),
        lambda: Layer(Dense(1.0), "leaky_integrate", 2),
    ):
        with pytest.raises(NetworkContextError, match="'with network:'"):
            make()


def test_objects_can_be_left_out_of_the_model() -> None:
    source = Population("spike_input", 2, add_to_model=False)
    target = Population("leaky_integrate", 3, add_to_model=False)
    with Network() as network:
        inside = Connection(source, target, Dense(1.0), add_to_model=False)
    outside = Connection(source, target, Dense(1.0), add_to_model=False)
    assert not network.populations
    assert not network.connections
    assert [r() for r in target.incoming_connections] == [inside, outside]
    with pytest.raises(NetworkContextError, match="Connection"):
        Connection(source, target, Dense(1.0))


# ---------------------------------------------------------------- names
def test_names_are_numbered_within_each_network() -> None:
    names = []
    for _ in range(2):
        with Network() as network:
            a, b = Population("spike_input", 2), Population("leaky_integrate", 2)
            connection = Connection(a, b, Dense(1.0))
        names.append([p.name for p in network.populations] + [connection.name])
    assert names[0] == names[1] == ["Pop0", "Pop1", "Conn_Pop0_Pop1"]


def test_automatic_names_avoid_names_in_use() -> None:
    with Network() as network:
        Population("spike_input", 2, name="Pop1")
        Population("spike_input", 2)
        Population("spike_input", 2)
    assert [p.name for p in network.populations] == ["Pop1", "Pop1_1", "Pop2"]


def test_parallel_connections_get_names_of_their_own() -> None:
    with Network() as network:
        a, b = Population("spike_input", 2), Population("leaky_integrate", 2)
        for _ in range(3):
            Connection(a, b, Dense(1.0))
    names = [c.name for c in network.connections]
    assert names == ["Conn_Pop0_Pop1", "Conn_Pop0_Pop1_1", "Conn_Pop0_Pop1_2"]


def test_the_same_name_in_two_networks_is_fine() -> None:
    for _ in range(2):
        with Network() as network:
            Population("spike_input", 2, name="in")
        assert network.populations[0].name == "in"


def test_a_name_in_use_is_refused() -> None:
    with Network() as network:
        a = Population("spike_input", 2, name="in")
        b = Population("leaky_integrate", 2, name="out")
        Connection(a, b, Dense(1.0), name="c")
        with pytest.raises(ValidationError, match="'in' is taken"):
            Population("spike_input", 2, name="in")
        with pytest.raises(ValidationError, match="'c' is taken"):
            Connection(a, b, Dense(1.0), name="c")
    assert len(network.populations) == 2
    assert len(network.connections) == 1
    assert len(b.incoming_connections) == len(a.outgoing_connections) == 1


@pytest.mark.parametrize("name", [5, "two\nlines", "a\\", "bell\a", b"in"])
def test_names_that_cannot_be_printed_are_refused(name: Any) -> None:
    with Network() as network:
        with pytest.raises(ValidationError, match="name is printable text"):
            Population("spike_input", 2, name=name)
        a = Population("spike_input", 2)
        with pytest.raises(ValidationError, match="Connection: name"):
            Connection(a, a, Dense(1.0), name=name)
    assert network.populations == [a]
    assert not network.connections


# ---------------------------------------------------------------- failures
@pytest.mark.parametrize(
    "shape", [0, -1, 2.5, "3", (2, 0), (), True, (True, 2), (2, "a"), object()]
)
def test_a_bad_shape_is_refused(shape: Any) -> None:
    message = "shape is a whole number above 0"
    with Network() as network, pytest.raises(ValidationError, match=message):
        Population("spike_input", shape)
    assert not network.populations


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(3, (3,)), (np.int32(3), (3,)), ([2, 3], (2, 3)), (np.array([2, 3]), (2, 3))],
)
def test_shapes_are_tuples(shape: Any, expected: tuple[int, ...]) -> None:
    with Network():
        population = Population("spike_input", shape)
    assert population.shape == expected
    assert population.size == np.prod(expected)


def test_the_size_of_a_population_without_shape_is_refused() -> None:
    with Network():
        population = Population("spike_input", name="in")
    with pytest.raises(ValidationError, match="'in' has no shape"):
        _ = population.size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"connectivity": Dense}, "Dense\\(weight\\)"),
        ({"connectivity": None}, "connectivity is for example"),
        ({"synapse": "exponentil"}, "Did you mean 'exponential'"),
        ({"synapse": Exponential}, "Did you mean Exponential\\(\\)"),
        ({"synapse": None}, "a synapse model is needed"),
        ({"max_delay_steps": -1}, "whole number of at least 0"),
        ({"max_delay_steps": 1.5}, "whole number of at least 0"),
        ({"source": "Pop0"}, "Expected a Population, InputLayer or Layer"),
    ],
)
def test_a_bad_connection_changes_nothing(arguments: Any, message: str) -> None:
    with Network() as network:
        a, b = Population("spike_input"), Population("leaky_integrate")
        usual = {"source": a, "target": b, "connectivity": Dense(np.ones((2, 3)))}
        with pytest.raises(ValidationError, match=message):
            Connection(**{**usual, **arguments})
    assert not network.connections
    assert a.shape is None
    assert b.shape is None
    assert not a.outgoing_connections
    assert not b.incoming_connections


def test_weights_that_fit_one_end_only_change_neither() -> None:
    with Network() as network:
        a, b = Population("spike_input"), Population("leaky_integrate", 7)
        with pytest.raises(ValidationError, match=r"'Pop1' has shape \(7,\).*for 3"):
            Connection(a, b, Dense(np.ones((2, 3))))
    assert a.shape is None
    assert not network.connections
    assert not a.outgoing_connections


def test_a_taken_connection_name_does_not_shape_populations() -> None:
    with Network():
        a, b = Population("spike_input", 2), Population("leaky_integrate")
        Connection(a, a, Dense(1.0), name="c")
        with pytest.raises(ValidationError, match="'c' is taken"):
            Connection(a, b, Dense(np.ones((2, 3))), name="c")
    assert b.shape is None


def test_populations_of_another_network_are_refused() -> None:
    with Network():
        foreign = Population("spike_input", 2)
    with Network() as network:
        own = Population("leaky_integrate")
        for ends in ((foreign, own), (own, foreign)):
            with pytest.raises(ValidationError, match="not part of this network"):
                Connection(*ends, Dense(np.ones((2, 2))))
    assert own.shape is None
    assert not network.connections


# ---------------------------------------------------------------- references
def test_connections_know_their_ends_by_weak_references() -> None:
    with Network() as network:
        a, b = Population("spike_input", 2), Population("leaky_integrate", 3)
        connection = Connection(a, b, Dense(1.0))
    assert connection.source() is a
    assert connection.target() is b
    assert connection.ends() == (a, b)
    assert [r() for r in a.outgoing_connections] == [connection]
    assert [r() for r in b.incoming_connections] == [connection]
    assert not a.incoming_connections
    del network, a
    gc.collect()
    assert connection.source() is None
    with pytest.raises(ValidationError, match="a population is gone"):
        connection.ends()


def test_a_population_may_be_connected_to_itself() -> None:
    with Network():
        a = Population("leaky_integrate_fire", 2)
        loop = Connection(a, a, Dense(1.0))
    assert [r() for r in a.incoming_connections] == [loop]
    assert [r() for r in a.outgoing_connections] == [loop]


def test_layers_know_population_and_connection_by_weak_references() -> None:
    with SequentialNetwork() as network:
        first = InputLayer("spike_input", 2)
        second = Layer(Dense(1.0), "leaky_integrate", 3)
    assert first.population() is network.populations[0]
    assert second.population() is network.populations[1]
    assert second.connection() is network.connections[0]
    assert network.layers == [first, second]
    assert get_underlying_pop(second) is second.population()
    assert get_underlying_conn(second) is second.connection()
    assert str(second) == "Pop1"


def test_a_layer_without_its_network_is_refused() -> None:
    def build() -> Layer:
        with SequentialNetwork():
            InputLayer("spike_input", 2)
            return Layer(Dense(1.0), "leaky_integrate", 3)

    layer = build()
    gc.collect()
    for find in (get_underlying_pop, get_underlying_conn):
        with pytest.raises(ValidationError, match=r"Layer: its network is gone. Keep"):
            find(layer)


def test_an_input_layer_is_no_connection() -> None:
    with SequentialNetwork() as network:
        first = InputLayer("spike_input", 2)
    assert network.layers == [first]
    with pytest.raises(ValidationError, match="Expected a Connection, or a Layer"):
        get_underlying_conn(first)


def test_layers_are_accepted_where_populations_are() -> None:
    with SequentialNetwork() as network:
        first = InputLayer("spike_input", 2)
        second = Layer(Dense(1.0), "leaky_integrate_fire", 3)
        loop = Connection(second, second, Dense(0.1))
    assert loop.ends() == (second.population(), second.population())
    assert network.connections[1] is loop
    assert get_network_dag(first, second) == network.populations


# ---------------------------------------------------------------- sequential
def test_the_previous_layer_is_the_last_one() -> None:
    with SequentialNetwork() as network:
        assert network.get_prev_layer() is None
        first = InputLayer("spike_input", 2)
        assert SequentialNetwork.get_prev_layer() is first
        second = Layer(Dense(1.0), "leaky_integrate", 3)
        assert SequentialNetwork.get_prev_layer() is second


def test_a_layer_before_the_input_layer_is_refused() -> None:
    message = "starts with an InputLayer"
    with SequentialNetwork() as network, pytest.raises(ValidationError, match=message):
        Layer(Dense(1.0), "leaky_integrate", 3)
    assert not network.populations


def test_a_second_input_layer_is_refused() -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", 2)
        with pytest.raises(ValidationError, match="only input layer"):
            InputLayer("spike_input", 2)
    assert len(network.populations) == 1


def test_layers_in_a_plain_network_are_refused() -> None:
    with Network() as network:
        for make in (
            lambda: InputLayer("spike_input", 2),
            lambda: Layer(Dense(1.0), "leaky_integrate", 3),
            SequentialNetwork.get_prev_layer,
        ):
            with pytest.raises(NetworkContextError, match="SequentialNetwork"):
                make()
    assert not network.populations


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"connectivity": Dense(np.ones((9, 3)))}, ValidationError),
        ({"connectivity": "dense"}, ValidationError),
        ({"neuron": "leaky_integrat"}, UnknownNameError),
        ({"shape": -1}, ValidationError),
        ({"synapse": "delt"}, UnknownNameError),
        ({"max_delay_steps": -1}, ValidationError),
        ({"name": "in"}, ValidationError),
    ],
)
def test_a_bad_layer_changes_nothing(arguments: Any, error: type[Exception]) -> None:
    usual = {"connectivity": Dense(1.0), "neuron": "leaky_integrate", "shape": 3}
    with SequentialNetwork() as network:
        first = InputLayer("spike_input", 2, name="in")
        with pytest.raises(error):
            Layer(**{**usual, **arguments})
        assert network.layers == [first]
        assert len(network.populations) == 1
        assert not network.connections
        assert not network.populations[0].outgoing_connections
        fine = Layer(**usual)
    assert fine.population().name == "Pop1"


def test_arguments_of_layers_reach_population_and_connection() -> None:
    with SequentialNetwork() as network:
        first = InputLayer(SpikeInput(), (2, 2), True, False, "in")
        second = Layer(
            Dense(1.0, 2), LeakyIntegrate(), 3, Exponential(5.0), True, False, 4, "out"
        )
    before, after = network.populations
    assert (first.population(), second.population()) == (before, after)
    assert (before.shape, before.record_spikes, before.name) == ((2, 2), True, "in")
    assert (after.shape, after.record_spikes, after.name) == ((3,), True, "out")
    connection = second.connection()
    assert connection.max_delay_steps == 4
    assert isinstance(connection.synapse, Exponential)
    assert connection.name == "Conn_in_out"


# ---------------------------------------------------------------- traversal
def test_topological_order_ignores_loops() -> None:
    with Network() as network:
        a = Population("spike_input", 2)
        b = Population("leaky_integrate_fire", 2)
        c = Population("leaky_integrate", 2)
        for ends in ((b, b), (b, c), (a, b), (c, b)):
            Connection(*ends, Dense(1.0))
    assert get_network_dag([a], [c]) == network.populations


def test_an_output_that_cannot_be_reached_is_refused() -> None:
    with Network():
        a = Population("spike_input", 2, name="in")
        b = Population("leaky_integrate", 2, name="out")
    with pytest.raises(ValidationError, match=r"'out' cannot be reached.*\['in'\]"):
        get_network_dag(a, b)


def test_objects_describe_themselves() -> None:
    with Network():
        a = Population("spike_input", 2, name="in")
        b = Population("leaky_integrate", name="out")
        c = Connection(a, b, Dense(np.ones((2, 3)), 1))
    assert (str(a), str(c)) == ("in", "Conn_in_out")
    assert repr(b) == "<Population 'out' (3,) LeakyIntegrate>"
    assert repr(c) == (
        "<Connection 'Conn_in_out' Dense(<array (2, 3)>, delay=1) Delta()>"
    )
