"""Scheduling: admission control, the ready queue, batching in chunks, worker threads, delivery."""
