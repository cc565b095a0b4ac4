"""FastAPI makes OpenTelemetry spans once somebody has set a provider up; they say our routes."""

import asyncio
from pathlib import Path

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.app import create_app
from service.settings import Settings

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"


async def ask(settings: Settings, path: str) -> httpx.Response:
    """One request to an application in this process, by a caller that has a trace of its own."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client,
    ):
        return await client.get(path, headers={"traceparent": f"00-{CALLER}-{'1' * 16}-01"})


def test_a_span_names_the_route_and_continues_the_callers_trace(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    settings = Settings(models=repository, data=tmp_path)
    assert asyncio.run(ask(settings, "/models/copy")).status_code == 200
    spans = {span.name: span for span in exporter.get_finished_spans()}
    served = spans["GET /models/{name}"]
    assert served.context is not None
    assert f"{served.context.trace_id:032x}" == CALLER
    assert dict(served.attributes or {})["http.response.status_code"] == 200
