"""From a plan to text in the C family: no files, no toolchain."""
