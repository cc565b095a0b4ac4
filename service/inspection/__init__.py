"""Inspection: a recorded run computed again, and what is derived from it."""
