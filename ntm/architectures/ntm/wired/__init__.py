"""ntm/2: the Neural Turing Machine with its wiring told in the configuration."""
