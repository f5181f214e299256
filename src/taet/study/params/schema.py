"""JSON schema of params.yaml for editors, made from the models that validate the file."""

from collections.abc import Iterator
from typing import Any

from taet.decimals import DECIMAL
from taet.study.params import plugins
from taet.study.params.blocks import Params
from taet.study.params.descriptions import descriptions
from taet.study.params.load import OWN
from taet.values import Options

# Bounds that pydantic does not translate, since the value is first parsed from text.
BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
FRACTION = {"type": "string", "pattern": rf"^\s*{DECIMAL}\s*(/\s*{DECIMAL}\s*)?$"}


def json_schema() -> dict[str, Any]:
    """Schema of the whole file: common values, and studies, which may have any part of these."""
    whole = _inlined(Params)
    for folder, what in plugins.FOLDERS.items():
        whole["properties"][folder] = {
            "type": "object",
            "description": f"Each {what} by its name; 'kind' names its file in {folder}/.",
            "properties": {name: _block(folder, name) for name in plugins.names(folder)},
            "additionalProperties": {"type": "object"},
        }
    whole = _with_fractions(whole)
    study = _partial(whole)
    study["properties"]["extends"] = {
        "type": "string",
        "description": "Study from which this one inherits all that it does not set.",
    }
    study["properties"]["sweep"] = {
        "type": ["object", "null"],
        "description": "By method, by option: a list of values. Each combination is a method of the study.",
        "additionalProperties": {"type": ["object", "null"]},
    }
    whole["properties"]["studies"] = {
        "type": "object",
        "description": "Each study says what differs from the common values.",
        "additionalProperties": study,
    }
    whole["required"].append("studies")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _block(folder: str, name: str) -> dict[str, Any]:
    """Schema of a plugin's block.

    ``kind`` may be left out, since the block's name implies it. So may all options of the block that it
    extends, and of the common block of which it has a version of its own.
    """
    schema = _inlined(plugins.options_class(folder, name))
    own = OWN.get(folder)
    required = [key for key in schema.pop("required") if key not in ("kind", own)]
    schema["anyOf"] = [{"required": required}, {"required": ["extends"]}]
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Block from which this one inherits the options that it does not set (not the label).",
    }
    if own:  # the whole common block once more for each method would double the schema
        text = schema["properties"][own]["description"]
        schema["properties"][own] = {"type": "object", "description": text}
    return schema


def _inlined(model: type[Options]) -> dict[str, Any]:
    """Schema of a model with descriptions and without references; no model contains itself."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    _describe(schema, model)
    for inner in _models(Options):
        if inner.__name__ in definitions:
            _describe(definitions[inner.__name__], inner)

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            rest = {k: v for k, v in node.items() if k != "$ref"}
            return inline({**definitions[node["$ref"].rsplit("/", 1)[1]], **rest})
        return {k: inline(v) for k, v in node.items() if k != "discriminator"}

    result: dict[str, Any] = inline(schema)
    return result


def _models(base: type[Options]) -> Iterator[type[Options]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _describe(schema: dict[str, Any], model: type[Options]) -> None:
    """Describe each property by the text below its field, if it has one."""
    for field, text in descriptions(model).items():
        schema["properties"][field]["description"] = text


def _with_fractions(node: Any) -> Any:
    """Numbers may also be written as text: ``8/255``."""
    if isinstance(node, list):
        return [_with_fractions(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "number":
        text = {k: node[k] for k in ("title", "description") if k in node}
        number = {BOUNDS.get(k, k): v for k, v in node.items() if k not in text}
        return {**text, "anyOf": [number, FRACTION]}
    return {key: _with_fractions(value) for key, value in node.items()}


def _partial(node: Any) -> Any:
    """The schema with nothing required, so that a value may fit several alternatives at once."""
    if isinstance(node, list):
        return [_partial(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        ("anyOf" if key == "oneOf" else key): _partial(value)
        for key, value in node.items()
        if not (key == "required" and isinstance(value, list))
    }
