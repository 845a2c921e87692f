"""Where scripts written for mlGeNN look for e-prop, a package of its own here."""

from __future__ import annotations

from importlib import import_module

from ml_genn.compilers import EPropCompiler

default_params = import_module(EPropCompiler.__module__).default_params

__all__ = ["EPropCompiler", "default_params"]
