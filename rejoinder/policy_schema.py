"""The JSON Schema of a policy, for editors and for whoever makes policies with other tools.

It allows a little more than `rejoinder policy validate`: which names exist, which hours can be read and what the
platforms forbid are beyond it. It never refuses what that takes.
"""

from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

from engine.policy import document
from engine.policy.document import Part, Policy

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_PARTS: Final[dict[str, type[Part]]] = {
    each.__name__: each for each in vars(document).values() if isinstance(each, type) and issubclass(each, Part)
}
# A YAML file has `id: 42` and `hours: 24/7` without quotes: text, in whatever way it is read.
_TEXT: Final = ["string", "number", "boolean"]


def schema() -> dict[str, Any]:
    """The schema, as what JSON can hold."""
    (root,), parts = msgspec.json.schema_components([Policy], ref_template="#/$defs/{name}")
    for name, part in parts.items():
        _describe(part, _PARTS[name])
    return {
        "$schema": DRAFT,
        "title": "A Rejoinder policy",
        "description": "Everything that the business sets, as one document.",
        **root,
        "$defs": dict(parts),
    }


def text() -> str:
    """The schema as it is published."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def _describe(part: dict[str, Any], declared: type[Part]) -> None:
    """Says at each field what it is, in the words of the declaration."""
    for field in msgspec.structs.fields(declared):
        described = part["properties"][field.name]
        _widen(described)
        keys = get_args(_bare(field.type))[0] if described.get("type") == "object" else None
        if get_origin(keys) is Literal:
            described["propertyNames"] = {"enum": list(get_args(keys))}
        described["description"] = meaning(field.type)


def _widen(described: dict[str, Any]) -> None:
    """Lets what YAML takes for a number or a yes stand for text."""
    if described.get("type") == "string":
        described["type"] = _TEXT
    for inner in (described.get("items"), described.get("additionalProperties"), *described.get("anyOf", ())):
        if isinstance(inner, dict):
            _widen(inner)


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def meaning(annotation: Any) -> str:
    """What a declaration says of a field."""
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((note for note in reversed(notes) if isinstance(note, str)), "")
