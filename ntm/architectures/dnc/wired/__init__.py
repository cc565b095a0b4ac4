"""dnc/2: the Differentiable Neural Computer with its wiring told in the configuration."""
