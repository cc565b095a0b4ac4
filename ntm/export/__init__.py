"""Export: one lean step as ONNX, repeated K times in the graph, checked before it is written."""
