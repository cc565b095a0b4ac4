"""One module a project: how its files are read, and what its tensors are in ours."""
