"""Served models: loading, rollout of new versions, the repository scan."""
