"""docs/dependencies.md names every direct dependency with its reason."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_direct_dependency_is_named_with_its_reason_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    wanted = {re.split(r"[\[<>=!~; ]", each, maxsplit=1)[0] for each in declared}
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", (ROOT / "docs/dependencies.md").read_text("utf-8"), re.MULTILINE)
    assert {name for name, _ in rows} == wanted
    assert all(reason.strip() for _, reason in rows)
