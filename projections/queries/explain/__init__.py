"""Why something happened, in words: one function for each type of event, from its facts."""

from projections.queries.explain import automatic, contacts, interactions, private
from projections.queries.explain.base import Circumstances, duration, explain, platform

__all__ = ["Circumstances", "automatic", "contacts", "duration", "explain", "interactions", "platform", "private"]
