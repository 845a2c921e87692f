"""C++ headers that are made from declarations in Python: calls, a shared formula.

``python -m ml_genn.backends.generated_headers`` writes them.
"""

from __future__ import annotations

from pathlib import Path

from ml_genn.backends.cpu import abi
from ml_genn.backends.cuda.launch import kernel_args
from ml_genn.backends.host.abi import call
from ml_genn.backends.host.abi.regulariser import rate_regulariser_header

_BACKENDS = Path(__file__).parent


def generated_headers() -> dict[Path, str]:
    """Returns {file: its text}."""
    return {
        _BACKENDS / "host/include/flags.h": call.flags_header(),
        _BACKENDS / "host/include/recording.h": call.recording_header(),
        _BACKENDS
        / "host/include/gradients/rate_regulariser.h": rate_regulariser_header(),
        _BACKENDS / "cpu/include/call.h": abi.call_header(),
        _BACKENDS / "cuda/include/call.h": kernel_args.call_header(),
    }


if __name__ == "__main__":
    for path, text in generated_headers().items():
        path.write_text(text, "utf-8")
