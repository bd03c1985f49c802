"""Ids, keys and the digest chain. All are pure functions of what they name."""

import hashlib
import hmac
import zlib
from typing import Final

CONTROL_PREFIX: Final = "~"


def home(secret: bytes, channel: str, platform_id: str) -> str:
    """The key of a person's records: HMAC-SHA256 of channel and platform id, 32 hex digits.

    >>> home(b"secret", "x", "42")
    '836ac0b5d833d42be8fafd92bd89bb5e'
    """
    return hmac.new(secret, f"{channel}:{platform_id}".encode(), hashlib.sha256).hexdigest()[:32]


def home_of(identifier: str) -> str:
    """The key embedded in an interaction id (`home.1`), content id (`home:m:…`) or a home itself."""
    return identifier.partition(".")[0].partition(":")[0]


def handle_of(content_id: str) -> str | None:
    """The handle whose names lie under a content id: `home:p`, or `home:h:handle` for a linked one; None for words.

    >>> handle_of("6bd1:p"), handle_of("6bd1:h:77ae"), handle_of("6bd1:m:42")
    ('6bd1', '77ae', None)
    """
    key, _, rest = content_id.partition(":")
    if rest == "p":
        return key
    return rest.removeprefix("h:") if rest.startswith("h:") else None


def interaction_id(key: str, number: int) -> str:
    """The id of the `number`-th (1, 2, …) interaction that began on `key`."""
    return f"{key}.{number}"


def control_key(partition: int) -> str:
    """The key of the records that concern a whole partition: policies, emergencies, recorded time."""
    return f"{CONTROL_PREFIX}{partition}"


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, for every topic and every client: CRC-32 of its home, modulo the count.

    A control key names its partition itself. The ids that embed a home lie where the home lies, so that a
    person's events and words share a partition number.

    >>> partition_of("6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1", 16) == partition_of("6bd1bc1ca1bcf7cba6b4fb7ab84e45a3:p", 16)
    True
    >>> partition_of("~5", 16)
    5
    """
    if key.startswith(CONTROL_PREFIX):
        number = key.removeprefix(CONTROL_PREFIX)
        if number.isascii() and number.isdecimal():
            return int(number) % partitions
    return zlib.crc32(home_of(key).encode()) % partitions


def derive(cause: str, *parts: str | int) -> str:
    """An id that follows from its cause: deciding again gives the same. BLAKE2b, 32 hex digits."""
    text = "\x1f".join((cause, *map(str, parts)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


_FINGERPRINT: Final = "#"


def keyed_command(claim: str, fingerprint: str) -> str:
    """The id of a command that was sent with an idempotency key: what the key claims, and which request claimed it.

    The fingerprint has to be a keyed one: the id stands in the events for ever, and a request may hold words.
    """
    return f"{claim}{_FINGERPRINT}{fingerprint}"


def claim_of(command_id: str) -> str:
    """What a command has in common with every repeat of it, also with one whose request differs.

    >>> claim_of(keyed_command("6bd1bc1c", "a0b1"))
    '6bd1bc1c'
    """
    return command_id.partition(_FINGERPRINT)[0]


def genesis(key: str) -> bytes:
    """What the first event on a key names as the digest before it: it binds the chain to the key."""
    return hashlib.sha256(b"rejoinder chain 1\x00" + key.encode()).digest()


def digest(fingerprint: bytes, payload: bytes) -> bytes:
    """The digest of one event: SHA-256 over its schema's fingerprint and its Avro bytes (envelope included)."""
    return hashlib.sha256(fingerprint + payload).digest()


def words_digest(salt: bytes, text: str) -> bytes:
    """A digest of somebody's words, keyed with their salt: shows that they are the same without keeping them.

    BLAKE2b (RFC 7693) of 32 bytes: a keyed digest by itself, and five times as quick as an HMAC of short texts.

    The salt lies beside the words in interaction.content and goes with them, so that a guess at short words
    can't be checked once they are erased.
    """
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=salt, digest_size=32).digest()
