"""Interventions: what is pinned, ablated or replaced in a run, read and resolved."""
