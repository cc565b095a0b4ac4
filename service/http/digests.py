"""Digests of API keys: what they are compared by, and what is stored of them."""

import hashlib


def digest(key: bytes) -> bytes:
    """What keys are compared by."""
    return hashlib.sha256(key).digest()


def owner_name(key_digest: bytes) -> str:
    """What is stored of a key: enough to know it again, nothing to ask with."""
    return hashlib.sha256(b"ntm owner" + key_digest).hexdigest()[:32]
