"""Serving processes: the server, its workers, how they share connections."""
