"""What is compiled: the whole step and the loop over steps in one function (walk.py), and text.

Needs Numba. Importing the package itself does not: weights.py packs, build.py compiles and loads.
"""
