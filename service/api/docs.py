"""GET /docs: the API on one page, made from the OpenAPI document; nothing comes from elsewhere."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.context import context_of
from service.api.documents.bodies import resolved

router = APIRouter(include_in_schema=False)

# Where keys are set, this page has nothing but a script that asks for one, and then for the rest.
PATHS = frozenset({"/docs"})

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }}
section {{ border-top: 1px solid #ccc; padding: .5rem 0 }}
h2 {{ font: 600 1rem ui-monospace, monospace }}
p {{ white-space: pre-line }}
table {{ border-collapse: collapse }}
td {{ padding: .1rem 1.5rem .1rem 0; vertical-align: top }}
code, pre {{ font: .875rem ui-monospace, monospace }}
pre {{ background: #f5f5f5; padding: .75rem; overflow: auto; max-height: 24rem }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #ddd; background: #181818 }} pre {{ background: #262626 }} a {{ color: #8bf }}
}}
</style>
</head>
<body>
{content}
</body>
</html>
"""
CONTENT = """<h1>{title} <small>{version}</small></h1>
<p>{description} The same for programs: <a href="openapi.json">openapi.json</a>.</p>
{operations}
"""
ASKING = """<main id="operations"></main>
<noscript>A key is needed, and a browser sends it from a script.</noscript>
<script type="module" src="viewer/pages/docs.js"></script>
"""


@router.head("/docs")
@router.get("/docs")
async def get_docs(request: Request) -> Response:
    """The page; where a key is needed, it asks for it."""
    content = ASKING if context_of(request).settings.needs_key else described(request.app.openapi())
    page = PAGE.format(title=escape(request.app.title), content=content)
    return Response(page, media_type="text/html; charset=utf-8")


@router.get("/docs/operations")
async def get_operations(request: Request) -> Response:
    """What the page shows, for one that had to ask for a key."""
    content = described(request.app.openapi())
    return Response(content, media_type="text/html; charset=utf-8")


def described(told: dict[str, Any]) -> str:
    """Every operation of an OpenAPI document."""
    schemas = told.get("components", {}).get("schemas", {})
    operations = [
        operation_of(method, path, operation, schemas)
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    ]
    return CONTENT.format(
        title=escape(told["info"]["title"]),
        version=escape(told["info"]["version"]),
        description=escape(told["info"].get("description", "")),
        operations="\n".join(operations),
    )


def operation_of(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    """One method of one path; bodies are among the schemas."""
    rows = "".join(
        f"<tr><td><code>{escape(told['name'])}</code></td><td>{escape(told['in'])}</td>"
        f"<td><code>{escape(kind_of(told.get('schema', {})))}</code></td></tr>"
        for told in operation.get("parameters", [])
    )
    bodies = "".join(
        f"<details><summary>body, {escape(media)}</summary>"
        f"<pre>{escape(json.dumps(schema, indent=2))}</pre></details>"
        for media, schema in bodies_of(operation, schemas)
    )
    return (
        f"<section><h2>{method.upper()} {escape(path)}</h2>"
        f"<p>{escape(operation.get('description', ''))}</p><table>{rows}</table>{bodies}</section>"
    )


def bodies_of(
    operation: dict[str, Any], schemas: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The bodies that it takes, by media type."""
    for media, told in operation.get("requestBody", {}).get("content", {}).items():
        yield media, resolved(told.get("schema", {}), schemas)


def kind_of(schema: dict[str, Any]) -> str:
    """A parameter's type in a word or two."""
    kinds = [schema, *schema.get("anyOf", [])]
    return " or ".join(kind["type"] for kind in kinds if kind.get("type", "null") != "null")
