"""GeNN code of the backward pass through time, for EventProp, BPTT and e-prop."""

__all__: list[str] = []
