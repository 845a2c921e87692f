"""GeNN code of e-prop's online mode: gradients computed while the network runs."""

__all__: list[str] = []
