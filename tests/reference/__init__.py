"""Independent NumPy models that the tests compare the framework with.

* ``exact``: continuous time, event driven, float64; its finite differences are
  the truth for gradients.
* ``discrete``: time stepped, float32, with the timing every backend shares.

Neither imports anything of the framework.
"""
