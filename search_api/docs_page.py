"""The API's own documentation page: the OpenAPI document as plain HTML, without script and without any outside host."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f4f4f4;padding:.75rem;overflow:auto}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}summary{cursor:pointer;padding:.35rem 0}
.verb{display:inline-block;min-width:4rem;font-weight:700}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #e3e3e3}
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"
"""The page's Content-Security-Policy: this one style, and nothing from anywhere."""


def render(document: dict[str, Any]) -> str:
    """The page for an OpenAPI document."""
    info = document["info"]
    groups: dict[str, list[str]] = {}
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            tag = (operation.get("tags") or ["service"])[0]
            groups.setdefault(tag, []).append(_operation(verb, path, operation))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(items)}" for tag, items in groups.items())
    schemas = "".join(_schema(name, each) for name, each in document.get("components", {}).get("schemas", {}).items())
    return (
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))}</p>"
        '<p>Document OpenAPI : <a href="/openapi.json">/openapi.json</a>. Chaque demande porte '
        "<code>Authorization: Bearer …</code> ; les erreurs sont en <code>application/problem+json</code>.</p>"
        f"{body}<h2>Schémas</h2>{schemas}</body></html>"
    )


def _operation(verb: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", ())
    )
    table = f"<table><tr><th>paramètre</th><th>où</th><th>sens</th></tr>{rows}</table>" if rows else ""
    answers = "".join(
        f"<li><code>{escape(status)}</code> {escape(each.get('description', ''))} {_refs(each)}</li>"
        for status, each in operation["responses"].items()
    )
    asked = f"<p>Corps : {_refs(operation['requestBody'])}</p>" if "requestBody" in operation else ""
    return (
        f'<details><summary><span class="verb">{escape(verb.upper())}</span> <code>{escape(path)}</code> '
        f"{escape(operation.get('summary', ''))}</summary><p>{escape(operation.get('description', ''))}</p>"
        f"{table}{asked}<ul>{answers}</ul></details>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    needed = set(schema.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' *' if field in needed else ''}</td><td>{_kind(each)}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for field, each in schema.get("properties", {}).items()
    )
    values = escape(" | ".join(str(value) for value in schema.get("enum", ())))
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{escape(schema.get('description', ''))} {values}</p><table>{rows}</table></details>"
    )


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"])
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    return escape(str(schema.get("format") or schema.get("type") or schema.get("const") or "?"))


def _refs(content: dict[str, Any]) -> str:
    return " ".join(
        f"<code>{escape(media)}</code> {_kind(each.get('schema', {}))}"
        for media, each in content.get("content", {}).items()
    )


def _link(reference: str) -> str:
    name = reference.rsplit("/", 1)[-1]
    return f'<a href="#{escape(name)}">{escape(name)}</a>'
