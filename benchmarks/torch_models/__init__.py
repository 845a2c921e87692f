"""Networks in torch that take the same time steps as ml_genn's."""
