"""通知地址: which channels there are, what an address on each looks like, what sending needs to know."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from trust.errors import Malformed

LOG, SMTP, WEBHOOK, EVENT = "log", "smtp", "webhook", "event"
SECRET_PREFIX = "whsec_"  # noqa: S105 - a mark, not a secret
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """What sending needs to know."""

    smtp_url: str = field(default="", repr=False)
    """``smtp://user:password@host:587`` (with STARTTLS), ``smtps://…:465``, ``smtp://host:25?tls=none``."""
    sender: str = ""
    """Address in ``From``."""
    private_webhooks: bool = False
    """Also call this machine and private networks."""
    timeout: float = 10.0
    """Seconds for one attempt."""


def check_address(channel: str, address: str, *, private: bool = False) -> None:
    """Raises ``Malformed("contact.channel", "contact.address")``."""
    if channel not in (SMTP, WEBHOOK, EVENT):
        raise Malformed("contact.channel", "通知渠道应为 smtp 或 webhook。")
    if not (is_mail_address(address) if channel == SMTP else _is_hook(address, private)):
        raise Malformed(
            "contact.address",
            "联系地址无效：邮件地址应如 name@example.cn，回调地址应如 https://example.cn/path。",
        )


def check_smtp_url(url: str) -> bool:
    """Is it an address a mail server can be reached at?"""
    try:
        parts = urlsplit(url)
        tls = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        return bool(
            parts.scheme in ("smtp", "smtps")
            and parts.hostname
            and parts.port != 0
            and parts.path in ("", "/")
            and tls in ({}, {"tls": ["none"]}, {"tls": ["starttls"]})
        )
    except ValueError:
        return False


def is_mail_address(text: str) -> bool:
    """A plain address, without a name before it."""
    return len(text) <= 254 and _MAIL.fullmatch(text) is not None and ".." not in text


def _is_hook(text: str, private: bool) -> bool:
    """https; plain http only where the operator allows his own networks."""
    try:
        parts = urlsplit(text)
        sound = parts.hostname and not parts.username and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    allowed = ("https", "http") if private else ("https",)
    return bool(sound and parts.scheme in allowed and len(text) <= 500 and text.isascii() and text.isprintable()
                and " " not in text)  # fmt: skip
