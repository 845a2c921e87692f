"""Code of online learning: gradients while a network runs.

After each block of steps `learn_block` takes the adjoint back over the block in several
passes (`backward_step` is one step of a pass) and updates eligibility traces and
gradients. `layout` holds the sizes and offsets of what it stores.
"""

__all__: list[str] = []
