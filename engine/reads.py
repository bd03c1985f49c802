"""Reading people's words and names leaves a record: who was shown what, when, and through which door."""

from typing import Annotated

from engine.record import Millis, Record


class PersonalRead(Record, kw_only=True):
    """Somebody was shown people's words or names. Ids only: neither those, nor what was searched for."""

    at: Annotated[Millis, "when, by the wall clock of whoever showed it"]
    actor_id: Annotated[str, "who: the subject of the token, or the user at the terminal"]
    role: Annotated[str, "the role of the token; terminal at the command line"]
    door: Annotated[str, "api or cli"]
    what: Annotated[str, "the operation of the API or the command: read_interaction, contacts show"]
    contacts: Annotated[list[str], "the contacts that were shown"] = []
    interactions: Annotated[list[str], "the interactions that were shown, or whose messages were"] = []
    others: Annotated[list[str], "what else was shown, by its name: a dead letter as 3@17"] = []
    lines: Annotated[int | None, "how many lines, messages or texts; null: not known when it was written"] = None
    after: Annotated[
        int, "so many records stood before it, at least; where it stands itself at an earlier offset, some were removed"
    ] = 0


class Noted(Record, kw_only=True):
    """audit.reads: a record of a read, and its signature. Keyed by who read."""

    statement: Annotated[bytes, "a PersonalRead, as it would stand on a topic; these bytes are signed"]
    signature: Annotated[
        bytes, "Ed25519 (RFC 8032), by the installation's key for reads; empty at a terminal that has not its secret"
    ]


RECORDS: tuple[type[Record], ...] = (PersonalRead, Noted)
