"""Measures of where heads look, and rules about them: below the architectures, which add theirs."""
