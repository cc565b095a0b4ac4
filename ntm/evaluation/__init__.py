"""Evaluation: what a trained model reaches on fresh sequences, beside what was published."""
