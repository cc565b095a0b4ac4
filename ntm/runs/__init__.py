"""Recorded runs: every stage of every step as arrays, and the files they are kept in."""
