"""The NTM's compiled kernel: a step and the loop over steps in one function. Needs Numba."""
