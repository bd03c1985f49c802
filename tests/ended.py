"""How a command of the command line ended."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Ended:
    """Its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Standard output, which has to be JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]
