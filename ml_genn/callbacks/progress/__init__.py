"""Progress of a run: what it shows, and where."""

from ml_genn.callbacks.progress.displays import SILENT, Display, Verbose, display_for
from ml_genn.callbacks.progress.run_progress import (
    RunProgress,
    no_progress,
    number_text,
)

__all__ = [
    "SILENT",
    "Display",
    "RunProgress",
    "Verbose",
    "display_for",
    "no_progress",
    "number_text",
]
