"""Where the .avsc files lie and how they are read.

`avsc/` holds today's schema of every record, `released/<version>/` those of each release, for ever.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

Schema = dict[str, Any]

HERE: Final = Path(__file__).parent
CURRENT: Final = HERE / "avsc"
RELEASED: Final = HERE / "released"
_EXTENSION: Final = ".avsc"


def current(directory: Path = CURRENT) -> dict[str, Schema]:
    """The schemas in a directory, by full record name.

    Raises ValueError for a file that is not JSON or whose name is not that of its record.
    """
    return {name: _parse(directory / f"{name}{_EXTENSION}", text) for name, text in texts(directory).items()}


def released(directory: Path = RELEASED) -> dict[str, dict[str, Schema]]:
    """The schemas of each release, oldest first."""
    return {version: current(directory / version) for version in versions(directory)}


def versions(directory: Path) -> list[str]:
    """The folders of a directory that are called after a version, the oldest first."""
    names = [path.name for path in directory.iterdir() if path.is_dir()] if directory.is_dir() else []
    return sorted(filter(is_version, names), key=_order)


def is_version(name: str) -> bool:
    """Whether it is of numbers and dots, as 0.1.0."""
    return all(part.isdecimal() and part.isascii() for part in name.split("."))


def release(version: str, source: Path = CURRENT, directory: Path = RELEASED) -> Path:
    """Keep today's schemas as those of a release; later ones are checked against them.

    Raises FileExistsError where the release is already there: what was released never changes.
    """
    target = directory / version
    shutil.copytree(source, target)
    return target


def texts(directory: Path) -> dict[str, str]:
    """The text of each .avsc file in a directory, by full record name."""
    return {path.name.removesuffix(_EXTENSION): path.read_text("utf-8") for path in sorted(directory.glob("*.avsc"))}


def write(schemas: Mapping[str, str], directory: Path = CURRENT) -> None:
    """Make a directory hold these schemas and no other."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in texts(directory).keys() - schemas.keys():
        (directory / f"{name}{_EXTENSION}").unlink()
    for name, text in schemas.items():
        (directory / f"{name}{_EXTENSION}").write_text(text, "utf-8")


def _parse(path: Path, text: str) -> Schema:
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: not JSON ({error.msg})") from error
    if not isinstance(schema, dict) or f"{schema.get('namespace')}.{schema.get('name')}" + _EXTENSION != path.name:
        raise ValueError(f"{path}: the file's name has to be the record's full name, with {_EXTENSION}")
    return schema


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
