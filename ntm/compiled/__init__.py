"""Compiled arithmetic that knows no model: sums, copies, elementary functions, JSON numbers.

Needs Numba."""
