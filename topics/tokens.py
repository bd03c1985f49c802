"""Who may use the HTTP API: the tokens' topic. The secrets themselves are nowhere, only their digests."""

from collections.abc import Callable

from engine.delivery import AccessToken
from engine.record import Record
from schemas.codec import Codec
from topics.broker import Broker
from topics.catalogue import ACCESS_TOKENS, Catalogue
from topics.following import Follower
from topics.publisher import Outgoing, Publisher
from topics.reading import read_all


def tokens(broker: Broker, catalogue: Catalogue, codec: Codec) -> list[AccessToken]:
    """Every token that was made, also what holds no more, the oldest first."""
    topic = catalogue.topic(ACCESS_TOKENS)
    known = Known()
    for record in read_all(broker, topic.name, range(topic.partitions), "tokens"):
        if record.value is not None:
            known.note(codec.decode(record.value))
    return sorted(known.by_id.values(), key=lambda token: (token.created_at, token.token_id))


def write(publisher: Publisher, catalogue: Catalogue, token: AccessToken) -> None:
    """Makes a token known, or that it was revoked; running processes learn of it in a moment."""
    publisher.publish([Outgoing(catalogue.name(ACCESS_TOKENS), token.token_id, token)])


class Known:
    """The tokens by id, as they stand. What was revoked stays so, in whatever order it is told."""

    def __init__(self) -> None:
        self.by_id: dict[str, AccessToken] = {}

    def note(self, record: Record) -> None:
        """Takes a record of the topic."""
        if not isinstance(record, AccessToken):
            return
        before = self.by_id.get(record.token_id)
        if before is None or before.revoked_at is None:
            self.by_id[record.token_id] = record


class LiveTokens:
    """The tokens, kept up to date."""

    def __init__(self, broker: Broker, catalogue: Catalogue, codec: Codec, on_failure: Callable[[str], None]) -> None:
        self._known = Known()
        self._follower = Follower(broker, catalogue.topic(ACCESS_TOKENS), codec, self._known.note, on_failure)

    def find(self, token_id: str) -> AccessToken | None:
        """The token with this id, also one that holds no more."""
        return self._known.by_id.get(token_id)

    def close(self) -> None:
        """Ends the following."""
        self._follower.close()
