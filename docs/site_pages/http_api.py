"""Every request that a car answers, from the description that it gives of itself at /api/openapi.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from car.web.app import describe_api
from car.web.problems import PROBLEMS

Json = dict[str, Any]
CAR = "Car"
"""The heading over all that is the only one of its part, as /api/status."""


def render() -> str:
    """Return each part of the API with its requests, then what is in the bodies."""
    described = describe_api()
    problems = [f"| {code} | {problem['description']} |" for code, problem in PROBLEMS.items()]
    parts = ["## When it says no\n", "| status | |", "|---|---|", *problems, ""]
    counts = Counter(_part(path) for path, operations in described["paths"].items() for _ in operations)
    headings = {path: CAR if counts[_part(path)] == 1 else _part(path).capitalize() for path in described["paths"]}
    paths = sorted(described["paths"], key=lambda path: headings[path] != CAR)
    for heading, group in groupby(paths, key=lambda path: headings[path]):
        parts.append(f"## {heading}\n")
        for path in group:
            for method, operation in described["paths"][path].items():
                parts += [f"### {method.upper()} {path}\n", *_operation(operation), ""]
    parts.append("## What is in the bodies\n")
    for name, schema in described["components"]["schemas"].items():
        if "ValidationError" not in name:  # FastAPI's own, which a car never answers.
            parts += [f"### {name}\n", *_schema(schema), ""]
    return "\n".join(parts)


def _part(path: str) -> str:
    return path.split("/")[2]


def _operation(operation: Json) -> Iterator[str]:
    yield f"{_text(operation.get('description', ''))}\n"
    rows = [
        f"| `{parameter['name']}` | {parameter['in']} | {_kind(parameter['schema'])} |"
        for parameter in operation.get("parameters", ())
    ]
    if rows:
        yield from ("| parameter | in | |", "|---|---|---|", *rows, "")
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"- takes {_body(media, content)}"
    for code, response in operation["responses"].items():
        if code.startswith("2"):
            bodies = [_body(media, content) for media, content in response.get("content", {}).items()]
            yield f"- answers {code}{' with ' + ' or '.join(bodies) if bodies else ''}"
        elif int(code) not in PROBLEMS:
            yield f"- answers {code}: {response['description']}"


def _body(media: str, content: Json) -> str:
    schema = content.get("schema", {})
    return _kind(schema) if "$ref" in schema or "items" in schema else f"`{media}`"


def _schema(schema: Json) -> Iterator[str]:
    # The examples in our docstrings are for readers of Python.
    yield f"{_text(schema.get('description', '').partition('>>>')[0])}\n"
    if "enum" in schema:
        yield f"One of {', '.join(f'`{value}`' for value in schema['enum'])}."
        return
    needed = schema.get("required", ())
    rows = [
        f"| `{name}` | {_kind(field)} | {'' if name in needed else _default(field)} |"
        for name, field in schema.get("properties", {}).items()
    ]
    if rows:
        yield from ("| key | | if it is left out |", "|---|---|---|", *rows)


def _default(field: Json) -> str:
    return f"`{field['default']!r}`" if "default" in field else "may be missing"


def _kind(schema: Json) -> str:
    """Return in words what a value is, with its limits."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        items = schema.get("items", {"type": "number"} if "prefixItems" in schema else {})
        return f"array of {_kind(items)}"
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "maxLength": "at most"}
    words = [
        f"{word} {schema[key]:g}{' characters' if 'Length' in key else ''}"
        for key, word in limits.items()
        if key in schema
    ]
    return ", ".join([f"{kind} ({schema['format']})" if "format" in schema else kind, *words])


def _text(text: str) -> str:
    return text.replace("``", "`").strip()
