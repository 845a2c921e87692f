"""GeNN code of the backward pass: reverse time, as EventProp and BPTT need it."""

__all__: list[str] = []
