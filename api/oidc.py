"""身份提供方 (OpenID Connect Core 1.0): this service as relying party."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_issuer(url: str) -> bool:
    """Is it an issuer we would ask: https, or http on this very machine; no query, no fragment, no password?"""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        return bool(secure and parts.hostname and not parts.username and not parts.query and not parts.fragment)
    except ValueError:
        return False
