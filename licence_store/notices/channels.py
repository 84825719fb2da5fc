"""通知渠道: carry one notice to one address, or say why not.

``Unavailable`` means: try again later. ``Refused`` means: never mind trying, the address is no good. A crash between
sending and noting it down sends again, under the same id (``Message-ID``, ``webhook-id``): the receiver can tell.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from keys.signer import Signer
from licence_store.notices.addresses import EVENT, LOG, SECRET_PREFIX, SMTP, WEBHOOK, NoticeSettings
from licence_store.notices.texts import Text
from trust.errors import LicenceTrustError, Refused, Unavailable
from trust.fetching import Exchange, Fetcher, HTTPFetcher
from trust.sm2 import der_to_raw

log = logging.getLogger("licence_trust.notices")
_GOOD = frozenset(range(200, 300))
Headers = tuple[tuple[str, str], ...]
SM2_LABEL: Final = "x-sm2-sm3"
"""Private: Standard Webhooks has none for SM2; see ``trust.request_keys``."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One notice on its way."""

    delivery_id: str
    """The same on every attempt."""
    address: str
    kind: str
    text: Text
    facts: Mapping[str, str]
    created: datetime
    moment: datetime
    """Of this attempt."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Of a webhook; each signs."""


class Channel(Protocol):
    """通知渠道."""

    def send(self, outgoing: Outgoing) -> None:
        """Raises ``Unavailable`` (later) or ``Refused`` (never)."""


class LogChannel:
    """日志: for those who can be reached nowhere, and for trying things out."""

    def send(self, outgoing: Outgoing) -> None:
        log.info("notice %s (%s): %s", outgoing.delivery_id, outgoing.kind, outgoing.facts.get("licence_id", ""))


@dataclass(frozen=True, slots=True)
class SMTPChannel:
    """电子邮件."""

    settings: NoticeSettings
    tls: ssl.SSLContext | None = None
    """``None``: the system's certificate authorities."""

    def send(self, outgoing: Outgoing) -> None:
        """Raises ``Unavailable("notice.smtp_unset", "notice.smtp")``, ``Refused("notice.address_refused")``."""
        if not self.settings.smtp_url or not self.settings.sender:
            raise Unavailable(
                "notice.smtp_unset",
                "没有设置邮件服务器或发件人。",
                remedy="请设置 LICENCE_TRUST_SMTP_URL 和 LICENCE_TRUST_MAIL_FROM。",
            )
        try:
            with self._connect() as server:
                server.send_message(self._message(outgoing), self.settings.sender, [outgoing.address])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise _refused(code) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code) from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Unavailable("notice.smtp", "邮件服务器无法使用（{reason}）。", reason=type(error).__name__) from error

    def _connect(self) -> smtplib.SMTP:
        url, context = urlsplit(self.settings.smtp_url), self.tls or ssl.create_default_context()
        host, seconds = url.hostname or "localhost", self.settings.timeout
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=seconds, context=context)
        else:
            server = smtplib.SMTP(host, url.port or 587, timeout=seconds)
        try:
            if url.scheme == "smtp" and parse_qs(url.query).get("tls") != ["none"]:
                server.starttls(context=context)
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, outgoing: Outgoing) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self.settings.sender, outgoing.address
        message["Subject"] = outgoing.text.heading
        message["Date"] = format_datetime(outgoing.created)
        message["Message-ID"] = f"<{outgoing.delivery_id}@{self.settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(outgoing.text.body)
        return message


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """回调: a signed POST, with the headers of Standard Webhooks (HMAC-SHA256)."""

    fetcher: Fetcher

    def send(self, outgoing: Outgoing) -> None:
        """Raises ``Unavailable("fetch.*")``; ``Refused("notice.gone")`` where the receiver wants no more (410)."""
        body = json.dumps(
            {
                "type": outgoing.kind,
                "timestamp": outgoing.created.isoformat(timespec="seconds"),
                "data": {**outgoing.facts, "heading": outgoing.text.heading, "text": outgoing.text.body},
            },
            ensure_ascii=False,
        ).encode()
        stamp = str(int(outgoing.moment.timestamp()))
        _call(self.fetcher, outgoing, body, "application/json", stamp, (
            ("webhook-signature", signatures(outgoing.secrets, outgoing.delivery_id, stamp, body)),
        ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventChannel:
    """事件: a CloudEvent as it stands, with the headers of Standard Webhooks: by the subscriber's secrets (``v1``) or,
    where there are none, by the region's request key, which stands on the trust list (``x-sm2-sm3``).
    """

    fetcher: Fetcher
    signer: Callable[[], Signer] | None = None

    def send(self, outgoing: Outgoing) -> None:
        """Raises as ``WebhookChannel.send`` does, and ``Unavailable("notice.no_key")``."""
        body, stamp = outgoing.facts["event"].encode(), str(int(outgoing.moment.timestamp()))
        _call(self.fetcher, outgoing, body, "application/cloudevents+json", stamp, self._signed(outgoing, stamp, body))

    def _signed(self, outgoing: Outgoing, stamp: str, body: bytes) -> Headers:
        if outgoing.secrets:
            return (("webhook-signature", signatures(outgoing.secrets, outgoing.delivery_id, stamp, body)),)
        if self.signer is None:
            raise Unavailable("notice.no_key", "没有可用的请求签名密钥。", remedy="请运行 region entry。")
        try:
            made = self.signer().sign(signed_octets(outgoing.delivery_id, stamp, body))
        except LicenceTrustError as error:
            raise Unavailable("notice.no_key", "没有可用的请求签名密钥。", remedy="请运行 region entry。") from error
        value = f"{SM2_LABEL},{base64.b64encode(der_to_raw(made)).decode()}"
        return (("webhook-signature", value), ("webhook-key-id", outgoing.facts["key_id"]))


def _call(fetcher: Fetcher, outgoing: Outgoing, body: bytes, media_type: str, stamp: str, signatures: Headers) -> None:
    headers = (("webhook-id", outgoing.delivery_id), ("webhook-timestamp", stamp), *signatures)
    exchange = Exchange(outgoing.address, body, media_type, limit=1 << 16, headers=headers, statuses=_GOOD)
    try:
        fetcher.fetch(exchange)
    except Unavailable as error:
        if error.code == "fetch.status" and error.params.get("status") == 410:
            raise Refused("notice.gone", "对方已停用该回调地址（410）。") from error
        raise


def signatures(secrets: Iterable[str], message_id: str, stamp: str, body: bytes) -> str:
    """``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``, by each secret, with blanks between."""
    octets = signed_octets(message_id, stamp, body)
    keys = (base64.b64decode(one.removeprefix(SECRET_PREFIX)) for one in secrets)
    return " ".join("v1," + base64.b64encode(hmac.new(key, octets, "sha256").digest()).decode() for key in keys)


def signed_octets(message_id: str, stamp: str, body: bytes) -> bytes:
    """What is signed, in either way."""
    return f"{message_id}.{stamp}.".encode() + body


def channels(settings: NoticeSettings, signer: Callable[[], Signer] | None = None) -> dict[str, Channel]:
    """Every channel by its name."""
    fetcher = HTTPFetcher(settings.timeout, redirects=0, allow_private=settings.private_webhooks)
    return {
        LOG: LogChannel(),
        SMTP: SMTPChannel(settings),
        WEBHOOK: WebhookChannel(fetcher),
        EVENT: EventChannel(fetcher, signer),
    }


def _refused(code: int) -> Unavailable | Refused:
    """4xx: later; 5xx: never."""
    if code < 500:
        return Unavailable("notice.smtp_later", "邮件服务器暂不接受（{status}）。", status=code)
    return Refused("notice.address_refused", "邮件服务器拒绝了收件地址或邮件（{status}）。", status=code)
