"""Which release of Rejoinder this is."""

from typing import Final

RELEASE: Final = "0.1.0"
"""As in pyproject.toml; a test holds the two together."""
