"""e-prop for ml_genn."""
