"""Progress of a run: what it shows, and where."""

from ml_genn.callbacks.progress.displays import SILENT, Display, display_for
from ml_genn.callbacks.progress.run_progress import RunProgress, no_progress

__all__ = ["SILENT", "Display", "RunProgress", "display_for", "no_progress"]
