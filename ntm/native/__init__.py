"""The whole step, and the loop over steps, in one compiled function: see walk.py. Needs Numba.

Importing the package itself does not: weights.py packs, build.py compiles and loads.
"""
