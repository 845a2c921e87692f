"""Heads of loops that the threads of an example split.

The text is the same for all engines; their headers define these macros:

    MLG_MEMBER, MLG_MEMBERS   index and number of threads of an example
    MLG_TEAM, MLG_TEAMS       index and number of teams of these threads
    MLG_LANE, MLG_LANES       index and number of threads of a team
    MLG_LEADER                prefix of statements that one thread of a team runs
    MLG_SYNC                  waits for all threads of the example
    MLG_ADD(to, number)       adds to what other threads of the example add to as well
    MLG_SUM(number)           sum over the threads of a team
    MLG_LOOP                  iterations of the loop that follows are independent
    MLG_COLD                  marks a function that runs once per example or less

Members split neurons, teams split spikes, and the lanes of a team the synapses of a
spike. On the CPU one thread is all members, the only team (unless functions are passed
``team_`` and ``teams_``) and its only lane: the loops are plain loops. On a GPU members
are the threads of a block or of several, teams are warps, and lanes their threads.
"""

from __future__ import annotations


def each(kind: str, name: str, end: str | int, first: str = "") -> str:
    """Head of a loop over neurons, or over list entries, that members split."""
    return _loop(kind, name, f"{first}MLG_MEMBER", end, "MLG_MEMBERS")


def each_by_team(kind: str, name: str, end: str | int) -> str:
    """Head of a loop over spikes, or over neurons with synapses, that teams split."""
    return _loop(kind, name, "MLG_TEAM", end, "MLG_TEAMS")


def each_in_team(kind: str, name: str, end: str | int, first: str = "") -> str:
    """Head of a loop over the synapses of a neuron that the lanes of a team split."""
    return _loop(kind, name, f"{first}MLG_LANE", end, "MLG_LANES")


def _loop(kind: str, name: str, first: str, end: str | int, stride: str) -> str:
    return f"for ({kind} {name} = {first}; {name} < {end}; {name} += {stride})"
