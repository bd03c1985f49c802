"""What is printed: tables and texts that nothing in them can break, and JSON lines."""

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

DELETE: Final = 0x7F
PICTURES: Final = 0x2400
"""The Unicode block with a visible sign for each control character."""
KEPT: Final = frozenset("\u200c\u200d")
"""Format characters that words and emoji need, and that move nothing: the joiners."""
GAP: Final = 2
"""Between two columns."""
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


def console(piped_width: int = PIPED_WIDTH) -> Console:
    """Prints plain text, in colour on a terminal only; NO_COLOR and FORCE_COLOR are heeded.

    piped_width: where the output is no terminal and COLUMNS does not say how wide it is.
    """
    out = Console(highlight=False, markup=False, emoji=False)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = piped_width
    return out


def show(what: RenderableType, out: Console) -> None:
    """Prints something, without the blanks with which rich fills lines up."""
    with out.capture() as captured:
        out.print(what)
    sys.stdout.write("".join(f"{line.rstrip(' ')}\n" for line in captured.get().splitlines()))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    total: Sequence[object] = (),
    spare: Sequence[str] = (),
) -> None:
    """A table; numbers stand to the right. `total` is a last row, set off.

    The first column is what one copies: it is never broken, the others are where it is narrow.

    spare: columns that are left out, the first first, as long as the table is too wide.
    """
    out = console()
    lines = [[Cell(value) for value in row] for row in rows]
    if not lines:
        return
    sums = [Cell("" if value is None else value) for value in total]
    shown = _fitting(columns, [*lines, *([sums] if sums else [])], spare, out.width)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for index in shown:
        whole = index == 0 or any(line[index].whole for line in lines)
        right = any(line[index].number for line in lines)
        table.add_column(columns[index], justify="right" if right else "left", overflow="fold", no_wrap=whole)
    for line in lines:
        table.add_row(*(Text(line[index].text) for index in shown))
    if sums:
        table.add_section()
        table.add_row(*(Text(sums[index].text, style="bold") for index in shown))
    show(table, out)


class Cell:
    """A value as it stands in a table: numbers to the right, numbers and times never broken."""

    def __init__(self, value: object) -> None:
        self.text = cell(value)
        self.number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        self.whole = self.number or isinstance(value, datetime)


def _fitting(columns: Sequence[str], lines: Sequence[Sequence[Cell]], spare: Sequence[str], width: int) -> list[int]:
    """The columns that are shown."""
    needs = [
        max(cell_len(name) if index == 0 else 0, *(cell_len(line[index].text) for line in lines)) + GAP
        for index, name in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    for name in spare:
        if sum(needs[index] for index in shown) <= width:
            break
        shown.remove(columns.index(name))
    return shown


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(Text(name), Text(cell(value)))
    show(table, console())


def print_json(records: Iterable[Any]) -> None:
    """One JSON object a line on standard output, in UTF-8."""
    sys.stdout.flush()
    for record in records:
        sys.stdout.buffer.write(_ENCODER.encode(record) + b"\n")
    sys.stdout.buffer.flush()


def json_lines(records: Iterable[Any]) -> bytes:
    """The same for a file."""
    return b"".join(_ENCODER.encode(record) + b"\n" for record in records)


def tell(text: str) -> None:
    """A word to the person, on standard error: standard output belongs to the answer."""
    print(clean(text, newlines=True), file=sys.stderr, flush=True)


def _other(value: object) -> object:
    return str(value)


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=_other)
