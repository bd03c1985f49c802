"""What stops a projector. Each says what, where, and how to mend it; none holds anybody's words."""

from engine.errors import RejoinderError


class ProjectionError(RejoinderError):
    """A projection can't go on."""


class UnreadableRecord(ProjectionError):
    """A record of the log can't be decoded."""


class UnknownEvent(ProjectionError):
    """The log holds an event that this code doesn't know: it is newer than the code."""


class InconsistentLog(ProjectionError):
    """An event refers to something of which the log says nothing before."""


class FoldFailed(ProjectionError):
    """The code of a projection failed on a record."""


class OffsetConflict(ProjectionError):
    """Another projector has moved the offsets on; this one's batch was rolled back."""


class ShapeChanged(ProjectionError):
    """The tables of a projection were built by other code."""


class RebuildRuns(ProjectionError):
    """Somebody is building the same projection again already."""


class NoSuchVersion(ProjectionError):
    """There is no such version of a projection."""

    exit_code = 3


class ShownVersion(ProjectionError):
    """The views show the version."""


class DatabaseUnreachable(ProjectionError):
    """PostgreSQL can't be reached."""


class KafkaUnreachable(ProjectionError):
    """Kafka can't be reached, or refuses this consumer."""
