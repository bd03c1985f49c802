"""The writers' keys for the seals (engine.seals): each derived from one secret of the installation, and never kept."""

from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class WriterKey:
    """The key of one writer.

    >>> WriterKey(b"a secret", "interaction-1").public_key.hex()[:16]
    'b608d65039c857ee'
    """

    def __init__(self, secret: bytes, writer: str) -> None:
        # HKDF, RFC 5869: who knows one writer's key knows nothing of the others'.
        derived = HKDF(SHA256(), 32, salt=None, info=f"rejoinder writer {writer}".encode()).derive(secret)
        self._key = Ed25519PrivateKey.from_private_bytes(derived)

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)


def public_keys(secret: bytes, writers: Iterable[str]) -> dict[str, bytes]:
    """The public keys of some writers: what an auditor is given, by another way than through the log."""
    return {writer: WriterKey(secret, writer).public_key for writer in writers}
