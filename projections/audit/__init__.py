"""Every event, where it stands in the log, and whether the chain holds."""

from projections.audit.projection import Audit

__all__ = ["Audit"]
