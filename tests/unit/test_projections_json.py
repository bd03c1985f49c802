"""JSON as PostgreSQL takes it: what `jsonb` refuses is shown as `text` shows it."""

import json

import pytest

from projections.tables import json_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a\u2400b"),
        ("a\ud83d", "a\ufffd"),
        ("a\ud83d\x00", "a\ufffd\u2400"),
        ("a\\u0000b", "a\\u0000b"),
        ("Grüße 😀", "Grüße 😀"),
    ],
)
def test_texts_are_as_text_holds_them_however_deep(text: str, shown: str) -> None:
    value = json_of({"own": text, "all": [{"kind": text}, None, 1]})
    assert json.loads(value) == {"own": shown, "all": [{"kind": shown}, None, 1]}
    assert "\x00" not in json.loads(value)["own"]
