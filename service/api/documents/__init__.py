"""What the OpenAPI document says of answers and bodies. Nothing here runs when a request comes."""

from service.api.documents.responses import errors, infer_body, predict_body

__all__ = ["errors", "infer_body", "predict_body"]
