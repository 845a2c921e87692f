"""Loops that the threads of an example share; on the CPU there is one thread.

Members take neurons in turn. Members form teams, which take spikes in turn; those of a
team take the synapses of a spike in turn. What several of them add to is added to by
``MLG_ADD``; ``MLG_SYNC`` waits for all members; the leader of a team does what is done
once for a spike. Headers of an engine say what each of these is.
"""

from __future__ import annotations


def each(kind: str, name: str, end: str | int, first: str = "") -> str:
    """The head of a loop over neurons, or over listed ones, by members."""
    return _loop(kind, name, f"{first}MLG_MEMBER", end, "MLG_MEMBERS")


def each_by_team(kind: str, name: str, end: str | int) -> str:
    """The head of a loop over spikes, or over neurons with synapses, by teams."""
    return _loop(kind, name, "MLG_TEAM", end, "MLG_TEAMS")


def each_in_team(kind: str, name: str, end: str | int, first: str = "") -> str:
    """The head of a loop over the synapses of a neuron, by the members of a team."""
    return _loop(kind, name, f"{first}MLG_LANE", end, "MLG_LANES")


def _loop(kind: str, name: str, first: str, end: str | int, stride: str) -> str:
    return f"for ({kind} {name} = {first}; {name} < {end}; {name} += {stride})"
