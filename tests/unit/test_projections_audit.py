"""What the audit trail says of an event beside its envelope."""

import json
import typing
from typing import Any

import pytest

from engine.interaction.events import EVENTS as INTERACTION_EVENTS
from engine.record import Event
from engine.routing.events import EVENTS as ROUTING_EVENTS
from projections.audit.projection import facts


@pytest.mark.parametrize("kind", [*INTERACTION_EVENTS, *ROUTING_EVENTS], ids=lambda kind: kind.__name__)
def test_facts_are_all_fields_but_the_envelope_with_bytes_as_hex_digits(kind: type[Event]) -> None:
    hints = typing.get_type_hints(kind)
    said = {name: _sample(hints[name]) for name in kind.__struct_fields__ if name not in Event.__struct_fields__}
    expected = {name: value.hex() if isinstance(value, bytes) else value for name, value in said.items()}
    assert json.loads(facts(kind(**said))) == expected


def _sample(kind: Any) -> Any:
    """A value of the type; of bytes some that are no text."""
    text = str(kind)
    if "bytes" in text:
        return b"\xff\x00"
    if "list" in text:
        return ["a"]
    if "bool" in text:
        return True
    return 7 if "int" in text else 0.5 if "float" in text else "words"
