"""The Open Inference Protocol v2: infer requests from bytes, answers to bytes. No HTTP here."""
