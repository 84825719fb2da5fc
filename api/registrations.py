"""登记于身份提供方: which identity providers there are, how each names what we ask, and whom we believe how far (R097).

One provider is named by the settings ``oidc_issuer`` and so on; more by a file of JSON, ``oidc_providers``:

    [{"key": "national", "title": "国家平台", "title_en": "National platform", "issuer": "https://id.example.cn",
      "client_id": "zz", "client_secret_file": "national.secret", "scope": "openid profile",
      "claims": {"code": "cert_no", "name": "real_name"}, "levels": {"L2": 2, "L3": 3}, "audiences": ["portal"]}]

Only ``key``, ``title`` and ``issuer`` must be there; ``client_id``, ``claims`` and ``levels`` are else as the settings
have them. A file that cannot be understood stops the start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from licence_store.holding.holder import LEVELS
from trust.errors import Malformed

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SCOPE: Final = "openid profile"
CLAIMS: Final = frozenset({"code", "code_type", "name", "legal_person"})
"""What we want to know, in our words."""
MOST: Final = 20
"""Providers; nobody reads a longer list."""
_LARGEST: Final = 256 << 10
_KEY: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
_TEXTS: Final = ("key", "title", "title_en", "issuer", "client_id", "client_secret", "client_secret_file", "scope")
_KNOWN: Final = frozenset({*_TEXTS, "claims", "levels", "audiences", "signs_out_silently"})


@dataclass(frozen=True, slots=True)
class Registration:
    """登记: who the provider is, and as whom we are known there."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    account_issuer: str = ""
    """Under which name accounts are kept; empty: the issuer."""
    audiences: frozenset[str] = frozenset()
    """Portals whose id tokens we take."""
    claims: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    """``acr`` → 认证等级."""
    scope: str = SCOPE
    key: str = ""
    """In our addresses; empty: the one of the settings, or of demonstrations."""
    title: str = ""
    """As people know it; empty: by its address."""
    title_en: str = ""
    signs_out_silently: bool = False
    """It signs out whoever an id token names without asking them first; terminals send them there."""

    @property
    def kept_as(self) -> str:
        """Under which name accounts are kept."""
        return self.account_issuer or self.issuer

    @property
    def highest(self) -> int:
        """The highest 认证等级 it can prove."""
        return max(self.levels.values(), default=LEVELS[0])

    def named(self, language: str) -> str:
        """What people call it."""
        return (self.title_en if language == "en" else "") or self.title or urlsplit(self.issuer).netloc


def check_issuer(url: str) -> bool:
    """Is it an issuer we would ask: https, or http on this very machine; no query, no fragment, no password?"""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        return bool(secure and parts.hostname and not parts.username and not parts.query and not parts.fragment)
    except ValueError:
        return False


def read_registrations(path: Path, usual: Registration) -> tuple[Registration, ...]:
    """Those of the file; ``usual`` has what an entry does not say. Raises ``Malformed("settings.providers")``."""
    try:
        content = path.read_bytes()
        if len(content) > _LARGEST:
            raise _bad(path, 0, f"≤ {_LARGEST} B")
        listed = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise _bad(path, 0, "JSON") from error
    if not isinstance(listed, list) or len(listed) > MOST:
        raise _bad(path, 0, f"[…] ≤ {MOST}")
    found: list[Registration] = []
    for number, one in enumerate(listed, 1):
        entry = _entry(path, number, one, usual)
        if entry.key in {each.key for each in found}:
            raise _bad(path, number, "key")
        if plain_issuer(entry.issuer) in {plain_issuer(each.issuer) for each in (usual, *found)}:
            raise _bad(path, number, "issuer")
        found.append(entry)
    return tuple(found)


def plain_issuer(issuer: str) -> str:
    """By which two issuers are compared: a slash more or less does not make another of them."""
    return issuer.rstrip("/").lower()


def _entry(path: Path, number: int, one: object, usual: Registration) -> Registration:
    if not isinstance(one, dict) or not set(one) <= _KNOWN:
        raise _bad(path, number, ", ".join(sorted(_KNOWN)))
    texts = {name: one.get(name, "") for name in _TEXTS}
    for name, value in texts.items():
        if not isinstance(value, str) or len(value) > 500 or not value.isprintable() or value != value.strip():
            raise _bad(path, number, name)
    for name, good in (
        ("key", bool(_KEY.fullmatch(texts["key"]))),
        ("title", 1 <= len(texts["title"]) <= 60),
        ("issuer", check_issuer(texts["issuer"]) and len(texts["issuer"]) <= 300),
        ("signs_out_silently", type(one.get("signs_out_silently", False)) is bool),
        ("scope", "openid" in (texts["scope"] or SCOPE).split()),
        ("client_secret", not (texts["client_secret"] and texts["client_secret_file"])),
    ):
        if not good:
            raise _bad(path, number, name)
    audiences = one.get("audiences", [])
    if not isinstance(audiences, list) or not all(isinstance(each, str) and each for each in audiences):
        raise _bad(path, number, "audiences")
    return Registration(
        texts["issuer"],
        texts["client_id"] or usual.client_id,
        _secret(path, number, texts),
        audiences=frozenset(audiences),
        claims=_claims(path, number, one.get("claims"), usual.claims),
        levels=_levels(path, number, one.get("levels"), usual.levels),
        scope=texts["scope"] or SCOPE,
        key=texts["key"],
        title=texts["title"],
        title_en=texts["title_en"],
        signs_out_silently=bool(one.get("signs_out_silently", False)),
    )


def _secret(path: Path, number: int, texts: Mapping[str, str]) -> str:
    if not texts["client_secret_file"]:
        return texts["client_secret"]
    try:
        return (path.parent / texts["client_secret_file"]).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise _bad(path, number, "client_secret_file") from error


def _claims(path: Path, number: int, said: object, usual: Mapping[str, str]) -> Mapping[str, str]:
    if said is None:
        return usual
    good = isinstance(said, dict) and {"code", "name"} <= set(said) <= CLAIMS
    if not isinstance(said, dict) or not good or not all(isinstance(one, str) and one for one in said.values()):
        raise _bad(path, number, "claims")
    return {str(name): str(value) for name, value in said.items()}


def _levels(path: Path, number: int, said: Any, usual: Mapping[str, int]) -> Mapping[str, int]:
    if said is None:
        return usual
    if not isinstance(said, dict) or not all(type(one) is int and one in LEVELS for one in said.values()):
        raise _bad(path, number, "levels")
    return {str(acr): level for acr, level in said.items()}


def _bad(path: Path, number: int, what: str) -> Malformed:
    return Malformed(
        "settings.providers",
        "身份提供方文件 {path} 第 {number} 项无效，请检查：{what}",
        path=path.name,
        number=number,
        what=what,
    )
