# Types of the registered compiler (registered.py), which mypy cannot see.
from ml_genn_eprop.eprop_compiler import EPropCompiler as EPropCompiler
from ml_genn_eprop.eprop_compiler import default_params as default_params
