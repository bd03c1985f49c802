"""Who wrote to us, about what, and what was answered."""

from projections.contact_history.projection import ContactHistory

__all__ = ["ContactHistory"]
