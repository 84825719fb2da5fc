"""设置: every setting of the service, in one class; this file is the manual.

A value comes from (the later wins): the default below, the environment (``LICENCE_TRUST_`` + the field's name in
capitals, e.g. ``LICENCE_TRUST_BASE_URL``), the command line. Nothing is read when modules are imported: only
``load_settings`` looks at the environment, once. A value that cannot be read stops the program with
``settings.invalid`` and the name of the variable; nothing is guessed. Inner packages never see this object.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from trust.errors import Malformed

PREFIX = "LICENCE_TRUST_"
LANGUAGES = ("zh-CN", "en")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that may differ between two installations."""

    dir: Path = Path("var")
    """The region's folder (register, keys, files, trust material). If it is not a region, every command but ``init``
    and ``demo`` stops with ``region.missing``; it is never made silently."""

    database_url: str = ""
    """SQLAlchemy URL of the register, e.g. ``postgresql+psycopg://user@host/name``. Empty: the SQLite file inside the
    region's folder. A database that cannot be reached stops the start."""

    files_url: str = ""
    """Where sealed files are kept: ``s3://bucket/prefix?endpoint=https://…&region=…`` for any store that speaks the S3
    API; credentials come from ``AWS_ACCESS_KEY_ID`` and so on, never from here. Empty: the folder ``files`` of the
    region. While the store is away nothing is issued and no file is handed out; what is reserved waits."""

    base_url: str = "http://localhost:8000"
    """Public address without a trailing slash. It is printed into every QR code and status-list address, so a wrong
    one sends the public to the wrong place *for good*. With ``https`` cookies become ``Secure`` and HSTS is sent.
    Not set while ``port`` is: ``http://localhost:<port>``."""

    host: str = "127.0.0.1"
    """Address ``serve`` listens on. ``0.0.0.0`` opens the service to the network: put a TLS proxy before it."""

    port: int = 8000
    """TCP port ``serve`` listens on (1-65535). A port in use stops ``serve``."""

    passphrase: str = field(default="", repr=False)
    """Unlocks the private keys of a region that is not a demonstration (those unlock themselves). Wrong or missing:
    reading and verifying still work, issuing answers ``keys.*``. Never logged."""

    lang: str = "zh-CN"
    """Language when the caller names none: ``zh-CN`` or ``en``."""

    workers: int = 0
    """Processes for batch issuing; 0 takes one per processor core. More than the cores only costs memory."""

    job_workers: int = 2
    """Background jobs done at the same time (expiry, notices, batches, collection) by ``serve`` and each ``worker``.
    0: ``serve`` does none, and somebody must run ``licence-trust worker``; else what is asked for waits for ever."""

    smtp_url: str = field(default="", repr=False)
    """Mail server for notices: ``smtp://user:password@host:587`` (STARTTLS), ``smtps://…:465``, or without encryption
    ``smtp://host:25?tls=none``. Empty: mail is not sent; its attempts fail, and are given up after a day. Never
    logged."""

    mail_from: str = ""
    """Sender of mail, e.g. ``licences@example.cn``; needed with ``smtp_url``."""

    private_webhooks: bool = False
    """Also call webhooks on this machine and in private networks, and over plain http. ``true`` only where whoever
    registers contacts is trusted with these networks."""

    upload_limit: int = 20 * 1024 * 1024
    """Largest document accepted for verification, in bytes. More is answered with 413 before it is read whole.
    Memory per verification is a small multiple of this."""

    upload_quota: int = 200 * 1024 * 1024
    """How much each holder may keep in their space, in bytes. Beyond, uploads are refused until some are deleted."""

    upload_scanner: str = ""
    """ClamAV's daemon that every upload of a holder or window is shown to first: ``tcp://host:3310`` or
    ``unix:///run/clamav/clamd.ctl``. Empty: none. While one is named and does not answer, no upload is taken."""

    upload_cipher: str = "aes256"
    """How uploads are encrypted from now on: ``aes256`` (AES-256-GCM) or ``sm4`` (SM4-GCM); what is kept stays
    readable either way."""

    body_limit: int = 1024 * 1024
    """Largest body of any other request, in bytes (413 beyond)."""

    session_minutes: int = 480
    """A signed-in session ends after so many minutes. Too long: an unattended desk stays open."""

    sign_in_attempts: int = 10
    """Failed sign-ins per account name or address within 15 minutes before 429 is answered. Too low locks out a busy
    counter, too high helps guessing."""

    public_rate: int = 120
    """Anonymous verifications and QR checks allowed per address and minute (429 beyond). 0 switches the limit off."""

    check_rate: int = 600
    """True-or-false checks allowed per interface token and minute (429 beyond). 0 switches the limit off; too high
    helps a token's holder to find out values by trying them."""

    oidc_issuer: str = ""
    """Who proves the identity of citizens and companies (身份提供方): the issuer of an OpenID provider, e.g.
    ``https://id.example.cn``. Empty: in a demonstration region the embedded provider of demonstrations; elsewhere
    nobody can sign in to the space. Must be https, but on this very machine."""

    oidc_title: str = ""
    """What people know it as, on the sign-in page. Empty: its address."""

    oidc_providers: str = ""
    """File of JSON with further identity providers, each with its own names of claims and levels (docs/holders.md);
    within the region's folder unless it begins with ``/``. Wrong: the start stops with ``settings.providers``."""

    oidc_client_id: str = "licence-trust"
    """Under which the provider knows us; identity tokens for anybody else are refused."""

    oidc_client_secret: str = field(default="", repr=False)
    """Where the provider wants one beside PKCE. Never logged."""

    oidc_audiences: str = ""
    """Comma-separated client ids of portals whose identity tokens open a session of the holder interface. Empty: none
    but our own."""

    oidc_claims: str = "code=identity_code,code_type=identity_code_type,name=name,legal_person=legal_person"
    """Which claims hold the number, its type (``111`` citizen number; missing: that), the name, and the organisations
    somebody is the legal representative of. A wrong name: nobody can sign in."""

    oidc_levels: str = "loa1=1,loa2=2,loa3=3"
    """认证等级 that the provider's ``acr`` values stand for, asked for in this order. Others count 1."""

    space_minutes: int = 60
    """A holder's session ends after so many minutes. Too long: a phone lent or a public machine stays open."""

    proof_minutes: int = 15
    """For how many minutes a proof of identity counts where a use needs more than being signed in (提升认证)."""

    key_custodian: str = "file"
    """Who keeps the signers' keys (密钥保管者). ``file``: the encrypted key files of the region, the only one so far;
    a cryptographic machine or a TPM comes through the same door. Another word stops the start."""

    node_role: str = "node"
    """``node``: a region node (行政区划的节点). ``hub``: it also keeps the trust list and the union catalogue.
    A hub that is away stops nobody: nodes go on with the list they have until its next-update time."""

    hub_url: str = ""
    """Address of the hub, e.g. ``https://hub.example.cn``: ``serve`` fetches the trust list there every minute and
    reports upward where the list names an upper region. Empty: lists come by hand (``region fetch``, ``region join``).
    Wrong: the list grows old, ``/readyz`` says so, and from its next-update time on other regions count no more."""

    simulated_clock: str = ""
    """A file with the seconds by which this node's clock is ahead of the machine's, read anew each time; see
    ``simulate``. Works in demonstration regions only; any other does not open with it."""

    timestamp_policy: str = ""
    """OID under which our own time-stamp authority gives tokens (RFC 3161). Empty: that of demonstrations. A token
    under a policy that nobody published promises nothing."""

    timestamp_urls: str = ""
    """Comma-separated addresses of outside time-stamp authorities, the preferred one first; every licence is stamped by
    the first that answers rightly. Empty: our own. While none answers, licences wait (``Unavailable``)."""

    online_revocation: bool = True
    """Ask the addresses that certificates name for revocation lists and OCSP answers, where their issuer is one we
    know. ``false``: only what lies in the region counts; what is missing is said in each verdict."""

    trusted_proxies: str = ""
    """Comma-separated addresses of reverse proxies whose ``X-Forwarded-For``/``-Proto`` are believed. Wrong: callers
    can write any address into the journal. Empty believes none."""

    mtls_header: str = ""
    """Name of the header in which the TLS proxy tells the SHA-256 fingerprint (hex) of a client's certificate, for
    sharing systems that have named theirs. Empty: such systems are refused. A proxy must remove the header from what it
    is sent; one that does not lets anybody write it."""

    log_level: str = "info"
    """``debug``, ``info``, ``warning`` or ``error``; written to standard error by ``serve``."""

    @property
    def secure(self) -> bool:
        """The public meets us over https."""
        return self.base_url.startswith("https://")


def load_settings(environ: Mapping[str, str] | None = None, **given: object) -> Settings:
    """Defaults, then ``environ`` (the process's, unless given), then what the caller gives (``None`` = not given).

    Raises ``Malformed("settings.invalid")`` naming the setting.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for one in fields(Settings):
        text = environ.get(PREFIX + one.name.upper())
        if text is not None and text != "":
            values[one.name] = text
    values.update({name: value for name, value in given.items() if value is not None})
    read = {name: _read(name, value) for name, value in values.items()}
    if read.get("port"):
        read.setdefault("base_url", f"http://localhost:{read['port']}")
    return Settings(**read)  # type: ignore[arg-type]


def _read(name: str, value: object) -> object:
    reader, expected = _READERS.get(name, (_text, "…"))
    try:
        return reader(str(value))
    except ValueError:
        shown = "***" if name in ("passphrase", "smtp_url", "oidc_client_secret") else str(value)[:80]
        raise Malformed(
            "settings.invalid",
            "设置 {name} 的值“{value}”无效，应为：{expected}",
            name=PREFIX + name.upper(),
            value=shown,
            expected=expected,
        ) from None


def _text(value: str) -> str:
    return value


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        number = int(value)
        if not low <= number <= high:
            raise ValueError(value)
        return number

    return read


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(value)
        return value

    return read


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(value)
    return value.rstrip("/")


def _language(value: str) -> str:
    return _one_of(*LANGUAGES)({"zh": "zh-CN", "zh_CN": "zh-CN"}.get(value, value))


def _oid(value: str) -> str:
    if re.fullmatch(r"[0-2](\.(0|[1-9][0-9]*))+", value) is None:
        raise ValueError(value)
    return value


def _addresses(value: str) -> str:
    return ",".join(_address(one.strip()) for one in value.split(","))


def _mail_server(value: str) -> str:
    from licence_store.notices.addresses import check_smtp_url

    if not check_smtp_url(value):
        raise ValueError(value)
    return value


def _scanner(value: str) -> str:
    from licence_store.uploads.scanning import open_scanner

    try:
        open_scanner(value)
    except Malformed as error:
        raise ValueError(value) from error
    return value


def _mail_address(value: str) -> str:
    from licence_store.notices.addresses import is_mail_address

    if not is_mail_address(value):
        raise ValueError(value)
    return value


def _issuer(value: str) -> str:
    from api.registrations import check_issuer

    if not check_issuer(value):
        raise ValueError(value)
    return value


def _plain_word(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError(value)
    return value


def _claims(value: str) -> str:
    pairs = pairs_of(value)
    if not {"code", "name"} <= set(pairs) <= {"code", "code_type", "name", "legal_person"} or not all(pairs.values()):
        raise ValueError(value)
    return value


def _levels(value: str) -> str:
    if not set(pairs_of(value).values()) <= {"1", "2", "3"}:
        raise ValueError(value)
    return value


def pairs_of(text: str) -> dict[str, str]:
    """``a=1,b=2`` as a mapping; a name may hold ``=`` itself. Raises ``ValueError``."""
    found: dict[str, str] = {}
    for one in text.split(","):
        name, sign, value = one.strip().rpartition("=")
        if not name or not sign:
            raise ValueError(text)
        found[name.strip()] = value.strip()
    return found


def _flag(value: str) -> bool:
    return _one_of("true", "false")(value.lower()) == "true"


_READERS: dict[str, tuple[Callable[[str], object], str]] = {
    "dir": (Path, "…/region"),
    "base_url": (_address, "http://… | https://…"),
    "port": (_whole(0, 65535), "0–65535"),
    "lang": (_language, "zh-CN | en"),
    "workers": (_whole(0, 256), "0–256"),
    "job_workers": (_whole(0, 64), "0–64"),
    "smtp_url": (_mail_server, "smtp://host:587 | smtps://host:465"),
    "mail_from": (_mail_address, "name@example.cn"),
    "private_webhooks": (_flag, "true | false"),
    "upload_limit": (_whole(1024, 1 << 31), "≥ 1024 (bytes)"),
    "upload_quota": (_whole(1 << 20, 1 << 40), "≥ 1048576 (bytes)"),
    "upload_scanner": (_scanner, "tcp://host:3310 | unix:///path"),
    "upload_cipher": (_one_of("aes256", "sm4"), "aes256 | sm4"),
    "body_limit": (_whole(1024, 1 << 31), "≥ 1024 (bytes)"),
    "session_minutes": (_whole(1, 60 * 24 * 30), "1–43200 (min)"),
    "sign_in_attempts": (_whole(1, 10000), "1–10000"),
    "public_rate": (_whole(0, 1_000_000), "≥ 0"),
    "check_rate": (_whole(0, 1_000_000), "≥ 0"),
    "oidc_issuer": (_issuer, "https://…"),
    "oidc_client_id": (_plain_word, "licence-trust"),
    "oidc_claims": (_claims, "code=…,code_type=…,name=…,legal_person=…"),
    "oidc_levels": (_levels, "loa1=1,loa2=2,loa3=3"),
    "space_minutes": (_whole(1, 60 * 24), "1–1440 (min)"),
    "proof_minutes": (_whole(1, 60 * 24), "1–1440 (min)"),
    "key_custodian": (_one_of("file"), "file"),
    "node_role": (_one_of("node", "hub"), "node | hub"),
    "hub_url": (_address, "http://… | https://…"),
    "timestamp_policy": (_oid, "1.2.…"),
    "timestamp_urls": (_addresses, "http://…,https://…"),
    "online_revocation": (_flag, "true | false"),
    "log_level": (_one_of("debug", "info", "warning", "error"), "debug | info | warning | error"),
}
