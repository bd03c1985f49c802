"""The documentation: links lead somewhere, generated pages are current, examples can be used."""

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest
import yaml

from engine.policy.document import Policy
from engine.policy.validation import problems
from rejoinder import reference
from rejoinder.play.traffic import Answer, End, Post, read

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
CODE: Final = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_page_and_a_heading_that_are_there(page: Path) -> None:
    missing = []
    for link in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    assert missing == []


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in LINK.findall(page.read_text("utf-8"))
    }
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in linked and page.name != "README.md"] == []


def test_the_generated_pages_say_what_the_code_says() -> None:
    assert reference.differences() == []


def test_a_generated_page_that_was_changed_is_found(tmp_path: Path) -> None:
    for name, text in reference.pages().items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "topics.md").write_text("# Topics\n", "utf-8")
    (tmp_path / "events.md").unlink()
    assert sorted(reference.differences(tmp_path)) == ["events.md", "topics.md"]


def test_the_example_of_a_policy_can_be_published() -> None:
    example = _example(ROOT / "docs/how-to/policy.md", "yaml")
    assert problems(msgspec.convert(yaml.safe_load(example), Policy)) == []


@pytest.mark.parametrize(
    ("language", "steps"), [("json", [Post, Answer, End]), ("jsonl", [Post, Answer, End, Post, Answer])]
)
def test_the_examples_of_recorded_traffic_can_be_played(tmp_path: Path, language: str, steps: list[type]) -> None:
    file = tmp_path / "traffic.jsonl"
    file.write_text(_example(ROOT / "docs/reference/traffic.md", language), "utf-8")
    assert [type(step) for step in read(file).steps] == steps


def _example(page: Path, language: str) -> str:
    """The first block of a page in a language."""
    found = re.search(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]
