"""Real customers' tweets, which lie beside the repository and never in it."""

import csv
from pathlib import Path
from typing import Final

CONVERSATIONS: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "x-support" / "conversations.csv"
"""Where they lie; what needs them is left out where they are missing."""


def customers(file: Path = CONVERSATIONS) -> dict[str, str]:
    """The texts of the customers' tweets by their ids."""
    with file.open(newline="", encoding="utf-8") as opened:
        return {row["tweet_id"]: row["text"] for row in csv.DictReader(opened) if row["inbound"] == "True"}
