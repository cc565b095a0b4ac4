"""The HTTP routes: one module for each group of paths; no route imports another."""
