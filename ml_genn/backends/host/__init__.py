"""Models with memory on the host: what the CPU and CUDA engines share."""

__all__: list[str] = []
