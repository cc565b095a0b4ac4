"""Telemetry: Prometheus metrics, statistics, logs."""
