"""Suites of `peers.py`: sizes of the network, performance goals, scale."""
