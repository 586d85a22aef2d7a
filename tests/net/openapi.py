# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/openapi.yaml as a judge: check() raises AssertionError for an answer that is not described there.
Knows the part of JSON Schema that the document uses. Codes of problems must be in docs/api.md. What was met of the
description is kept in SEEN, for unmet()."""
import os
import re

import yaml

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "openapi.yaml")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "$ref", "description",
         "default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "writeOnly"}

with open(PATH) as f:
    SPEC = yaml.safe_load(f)
with open(os.path.join(os.path.dirname(PATH), "api.md")) as f:
    CODES = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", f.read()))
SEEN = set()


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def validate(value, schema, where="$"):
    schema = resolve(schema)
    assert set(schema) <= KNOWN, f"{where}: the schema uses {set(schema) - KNOWN}"
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    assert not names or any(is_type(value, n) for n in names), f"{where}: {value!r} is not of type {names}"
    assert value in schema.get("enum", [value]), f"{where}: {value!r} is not one of {schema.get('enum')}"
    if isinstance(value, dict):
        missing = set(schema.get("required", [])) - set(value)
        assert not missing, f"{where}: {missing} is missing"
        more = schema.get("additionalProperties", True)
        for key, member in value.items():
            if key in schema.get("properties", {}):
                SEEN.add((id(schema), key))
                validate(member, schema["properties"][key], f"{where}.{key}")
            else:
                assert more is not False, f"{where}: {key} is not described"
                if isinstance(more, dict):
                    validate(member, more, f"{where}.{key}")
    elif isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)), where
        for i, item in enumerate(value):
            validate(item, schema.get("items", {}), f"{where}[{i}]")


def operations():
    """(METHOD, path) of everything that is described."""
    return {(m.upper(), p) for p, item in SPEC["paths"].items() for m in item}


def find(method, path):
    path = path.split("?")[0]
    for m, template in sorted(operations(), key=lambda o: o[1].count("{")):  # a path's own name before any name
        if m == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return SPEC["paths"][template][m.lower()]
    return None


def properties(schema, where, known=()):
    """(id of the schema, name, place) of every member that is described below a schema."""
    schema = resolve(schema)
    if id(schema) in known:
        return
    known = (*known, id(schema))
    for key, member in schema.get("properties", {}).items():
        yield id(schema), key, f"{where}.{key}"
        yield from properties(member, f"{where}.{key}", known)
    if "items" in schema:
        yield from properties(schema["items"], f"{where}[]", known)


def unmet():
    """The described members of good answers, and of problems, that no answer had yet."""
    places = {}
    for method, path in operations():
        for status, response in SPEC["paths"][path][method.lower()]["responses"].items():
            for content in (resolve(response).get("content") or {}).values():
                for ident, key, where in properties(content["schema"], f"{method} {path} {status}: $"):
                    places[ident, key] = where
    return sorted(where for at, where in places.items() if at not in SEEN)


def check(method, path, status, media, body):
    """An answer of the server; one to something that is not described must be 404 or 405."""
    operation = find(method, path)
    where = f"{method} {path}: {status}"
    if not operation:
        assert status in (400, 404, 405), where
        return
    described = operation["responses"].get(str(status))
    assert described or status >= 400, f"{where} is not described"
    content = resolve(described or operation["responses"]["default"]).get("content")
    if content is None:
        assert body is None, f"{where}: has a body"
        return
    media = (media or "").split(";")[0]
    assert media in content, f"{where}: {media} is not described"
    if media.endswith("json"):
        validate(body, content[media]["schema"], where)
    if status >= 400 and body:
        for code in [body["code"]] + [e["code"] for e in body.get("errors", [])]:
            assert code in CODES, f"{where}: {code} is not in docs/api.md"
