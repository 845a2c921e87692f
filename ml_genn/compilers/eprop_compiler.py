"""Import path of mlGeNN for e-prop, which is in the package `ml_genn_eprop`."""

from __future__ import annotations

from importlib import import_module

from ml_genn.compilers.registered import registered

EPropCompiler = registered()["EPropCompiler"].load()
default_params = import_module(EPropCompiler.__module__).default_params

__all__ = ["EPropCompiler", "default_params"]
