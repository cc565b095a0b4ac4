"""The Open Inference Protocol over gRPC, on the event loop that serves REST; optional."""
