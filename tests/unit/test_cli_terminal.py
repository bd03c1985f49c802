"""Nothing that somebody wrote can steer the terminal, and tables stay tables."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.cli.terminal import clean, print_json, print_table


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("a\x00b\x7f", "a␀b␡"),
        ("\x9b2J", "<U+009B>2J"),
        ("\u202eevil\u2066", "<U+202E>evil<U+2066>"),
        ("\u2028\u2029\u200b\ufeff", "<U+2028><U+2029><U+200B><U+FEFF>"),
        ("\ud800", "\ufffd"),
        ("a\r\nb\t", "a␍␊b␉"),
        ("\U000e0041", "<U+E0041>"),
    ],
)
def test_what_would_steer_a_terminal_is_made_visible(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧 ok", "Grüße, Žluťoučký", "नमस्ते", "\u0646\u200c\u0645", "[bold]not markup[/bold]"]
)
def test_what_people_write_stays(text: str) -> None:
    assert clean(text) == text


@given(st.text())
def test_no_text_keeps_a_control_character(text: str) -> None:
    shown = clean(text, newlines=True)
    assert not any((ord(letter) < 0x20 and letter != "\n") or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    shown.encode()


def test_a_row_of_a_piped_table_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(("id", "text", "n"), [("a" * 100, "long " * 100 + "\n[red]", 7), ("b", None, 12)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("␊[red]   7")
    assert lines[2].split() == ["b", "–", "12"]


def test_a_narrow_table_leaves_out_what_can_be_spared_and_never_breaks_an_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("id", "name", "note"), [("i" * 30, "ann", "x" * 30)], spare=("note",))
    assert capsys.readouterr().out.splitlines()[1].split() == ["i" * 30, "ann"]


def test_json_lines_hold_every_type_that_the_database_has(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_json(
        [{"at": datetime(2026, 1, 31, tzinfo=UTC), "d": Decimal("1.50"), "nan": float("nan"), "c": 1j, "t": "ü"}]
    )
    (line,) = capsysbinary.readouterr().out.splitlines()
    assert json.loads(line) == {"at": "2026-01-31T00:00:00Z", "d": 1.5, "nan": None, "c": "1j", "t": "ü"}
