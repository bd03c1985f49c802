"""Secrets that client and simulator derive alike: they agree on credentials without handing any over."""

import base64
import hashlib
import hmac


def derived(secret: str, purpose: str) -> str:
    """What `secret` gives for `purpose`; URL-safe text."""
    digest = hmac.new(secret.encode(), f"simulated {purpose}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def same(one: str, other: str) -> bool:
    """Whether a credential from outside is the one; compared in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
