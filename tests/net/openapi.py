# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/openapi.yaml as a judge: check() raises AssertionError for an answer that is not described there.
Knows the part of JSON Schema that the document uses."""
import os
import re

import yaml

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "openapi.yaml")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "$ref", "description",
         "default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "writeOnly"}

with open(PATH) as f:
    SPEC = yaml.safe_load(f)


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
    for m, template in operations():
        if m == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return SPEC["paths"][template][m.lower()]
    return None


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
