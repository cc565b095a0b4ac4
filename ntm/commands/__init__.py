"""The `ntm` commands, one module each; `ntm.cli` puts them together."""
