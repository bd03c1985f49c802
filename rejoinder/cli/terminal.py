"""What is printed: tables and texts that nothing in them can break, and JSON lines."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

DELETE: Final = 0x7F
PICTURES: Final = 0x2400
"""The Unicode block with a visible sign for each control character."""
KEPT: Final = frozenset("\u200c\u200d")
"""Format characters that words and emoji need, and that move nothing: the joiners."""
PIPED_WIDTH: Final = 10_000
"""A table that goes to a file or another program is never wrapped: a row is a line."""


def clean(text: str, newlines: bool = False) -> str:
    """A text that a terminal shows as it is: whatever would steer it is made visible.

    Control characters become their pictures, characters that change the direction of writing their code, lone
    surrogates the replacement character. `newlines` keeps line ends.

    >>> clean("a\\x1b[31mb")
    'a␛[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter, newlines) for letter in text)


def _shown(letter: str, newlines: bool) -> str:
    if letter.isprintable() or letter in KEPT or (newlines and letter == "\n"):
        return letter
    code = ord(letter)
    match unicodedata.category(letter):
        case "Cc" if code < ord(" "):
            return chr(PICTURES + code)
        case "Cc" if code == DELETE:
            return "␡"
        case "Zs":
            return " "
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"
        case "Co" | "Cn":
            return letter
    return f"<U+{code:04X}>"


def cell(value: object) -> str:
    """A value as it stands in a table."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case datetime():
            return moment(value)
        case list() | tuple():
            return clean(", ".join(map(str, value)))
        case bytes():
            return f"\\x{value.hex()}"
    return clean(str(value))


def moment(at: datetime) -> str:
    """An instant in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if at.tzinfo else at.strftime("%Y-%m-%d %H:%M:%S")


def console(error: bool = False) -> Console:
    """Prints plain text, in colour on a terminal only; NO_COLOR and FORCE_COLOR are heeded."""
    return Console(stderr=error, highlight=False, markup=False, emoji=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], total: Sequence[object] = ()) -> None:
    """A table; numbers stand to the right. `total` is a last row, set off."""
    out = console()
    lines = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_footer=False)
    for index, name in enumerate(columns):
        numeric = any(isinstance(line[index], int | float | Decimal) for line in lines if line[index] is not None)
        numeric = numeric and not any(isinstance(line[index], bool) for line in lines)
        # A column never breaks a word in the middle unless it has to: a word is never lost.
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell(value)) for value in line))
    if total:
        table.add_section()
        table.add_row(*(Text("" if value is None else cell(value), style="bold") for value in total))
    out.print(table, width=None if out.is_terminal else PIPED_WIDTH)


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(Text(name), Text(cell(value)))
    console().print(table)


def print_json(records: Iterable[Any]) -> None:
    """One JSON object a line on standard output, in UTF-8."""
    sys.stdout.flush()
    for record in records:
        sys.stdout.buffer.write(_ENCODER.encode(record) + b"\n")
    sys.stdout.buffer.flush()


def tell(text: str) -> None:
    """A word to the person, on standard error: standard output belongs to the answer."""
    print(clean(text, newlines=True), file=sys.stderr, flush=True)


def _other(value: object) -> object:
    return f"\\x{value.hex()}" if isinstance(value, memoryview) else str(value)


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=_other)
