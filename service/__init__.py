"""The inference service: HTTP in front, a scheduler that owns the engine, traces beside it.

A request goes routes -> schemas -> scheduler -> engines -> tensors and back; nothing here needs
torch unless NTM_ENGINE=torchscript asks for it.
"""
