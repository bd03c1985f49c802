"""The page of the acceptance tests names the tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SEED = ("test_twitter_and_facebook.py", "test_messenger.py")


def test_every_test_of_the_seeds_lines_stands_on_the_page_and_no_other() -> None:
    page = (ROOT / "docs/reference/acceptance.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    there = {
        name
        for file in SEED
        for name in re.findall(r"^def (test_\w+)", (ROOT / "tests/acceptance" / file).read_text(), re.MULTILINE)
    }
    assert named == there
