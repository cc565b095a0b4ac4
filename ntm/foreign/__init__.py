"""Checkpoints that others have trained: read without running anything of theirs, and converted."""
