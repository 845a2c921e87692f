# Types of the alias ml_genn.utils.data (module_aliases.py), which mypy cannot see.
from ml_genn.data import *  # noqa: F403
