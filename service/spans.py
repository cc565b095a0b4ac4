"""A span a request for OpenTelemetry, where it is installed and set up; nothing otherwise."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

try:
    from opentelemetry import propagate, trace
except ImportError:  # pragma: no cover
    available = False
else:
    available = True


class Spans:
    """Continues the caller's trace (`traceparent`); without an SDK every call is empty."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or not is_set_up():
            await self.app(scope, receive, send)
            return
        caller = propagate.extract(dict(Headers(scope=scope)))
        tracer = trace.get_tracer("ntm")
        kind = trace.SpanKind.SERVER
        with tracer.start_as_current_span(scope["method"], context=caller, kind=kind) as span:

            async def send_and_look(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(trace.StatusCode.ERROR)
                await send(message)

            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("url.path", scope["path"])
            try:
                await self.app(scope, receive, send_and_look)
            finally:
                if route := getattr(scope.get("route"), "path", None):
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)


def is_set_up() -> bool:
    """Whether somebody installed a provider, such as `opentelemetry-instrument` does."""
    if not available:
        return False
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
