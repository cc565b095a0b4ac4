"""End-to-end memory networks (Weston et al. 2015, Sukhbaatar et al. 2015)."""
