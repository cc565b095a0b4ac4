"""Traversal of graphs (Graves et al. 2016): edges told as triples, then a walk asked for."""
