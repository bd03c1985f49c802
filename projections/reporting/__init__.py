"""A star schema for analysts: facts with one grain each, dimensions, and views by interval."""

from projections.reporting.projection import Reporting

__all__ = ["Reporting"]
