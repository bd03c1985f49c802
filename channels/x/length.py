"""What X's length rule means for an answer that is about to be posted."""

from engine.text import X_LIMIT, weighted_length


def too_long(text: str) -> bool:
    """Whether X would refuse `text` because of its length."""
    return weighted_length(text) > X_LIMIT
