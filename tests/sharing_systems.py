"""Systems that ask: with keys of each kind, right in everything unless told otherwise."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keys.software import generate_key
from licence_store.desk import Desk
from licence_store.sharing.callers import NewClient
from trust import access_keys
from trust.http_signatures import HTTPMessage, sign_request
from trust.jose import make_assertion
from trust.journal import Actor
from trust.request_keys import HTTP_LABELS, JOSE_LABELS
from trust.sm2 import split_signature

CONSOLE = Actor("console")
ITEM = "教师资格核验"
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALL = ("catalogue", "fields", "licence", "holder", "qr", "batch", "check", "verify", "compare", "download")


def sm2_key() -> tuple[bytes, Callable[[bytes], bytes]]:
    """SubjectPublicKeyInfo, and a signer of 64 octets."""
    key = generate_key()

    def sign(data: bytes) -> bytes:
        r, s = split_signature(key.sign(data))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return key.public_key.spki, sign


def es256_key() -> tuple[bytes, Callable[[bytes], bytes]]:
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return key.public_key().public_bytes(*form), sign


@dataclass(frozen=True)
class System:
    """A registered system and its key."""

    id: str
    key_id: str
    kind: str
    sign: Callable[[bytes], bytes]
    region: str
    token: str = ""

    def purpose(self, **changed: object) -> dict[str, object]:
        said = {"system": self.id, "service_item": ITEM, "material": "教师资格证书", "case_number": "办件-2026-0001",
                "basis": "《教师资格条例》第十五条"}  # fmt: skip
        return {name: value for name, value in {**said, **changed}.items() if value is not None}

    def assertion(self, **changed: Any) -> str:
        given = {"client": self.id, "audience": f"urn:licence-trust:region:{self.region}", "key_id": self.key_id,
                 "algorithm": JOSE_LABELS[self.kind], "jti": secrets.token_urlsafe(24), "now": datetime.now(UTC),
                 "sign": self.sign}  # fmt: skip
        return make_assertion(**{**given, **changed})

    def form(self, assertion: str = "", scope: str = "") -> dict[str, str]:
        return {"grant_type": "client_credentials", "client_assertion_type": BEARER,
                "client_assertion": assertion or self.assertion(), **({"scope": scope} if scope else {})}  # fmt: skip

    def signed_in(self, client: httpx.Client, scope: str = "") -> System:
        answer = client.post("/api/v1/oauth/token", data=self.form(scope=scope))
        assert answer.status_code == 200, answer.text
        return replace(self, token=answer.json()["access_token"])


def make_system(desk: Desk, kind: str = "sm2", **changed: Any) -> System:
    """Registered, with a key of this kind."""
    new = {"name": "公积金业务系统", "organisation": "演示省住房公积金中心", "organisation_code": "91990000MA49QUAQ2W",
           "region": desk.region.code, **changed}  # fmt: skip
    client = desk.callers.register(NewClient(**new), CONSOLE)
    spki, sign = sm2_key() if kind == "sm2" else es256_key()
    key = desk.callers.add_key(client.id, spki, CONSOLE)
    return System(client.id, key.id, kind, sign, desk.region.code)


def share(
    desk: Desk, system: System, type_name: str, *, operations: tuple[str, ...] = ALL, items: tuple[str, ...] = (ITEM,)
) -> str:
    """An approved application; its id."""
    access = desk.sharing.access
    made = access.apply(
        system.id, type_name, operations=operations, items=items, basis="条例", reason="办事", actor=CONSOLE
    )
    until = desk.clock() + timedelta(days=30)
    access.decide(made.id, "approve", reason="同意", actor=CONSOLE, until=until)
    return made.id


@dataclass
class Draft:
    """A request, right in everything; a test spoils it before or after it is signed."""

    system: System
    operation: str = "licence"
    body: Any = None
    method: str = "POST"
    path: str = ""
    query: str = ""
    token: str | None = ""
    """Empty: the system's own; ``None``: none is sent."""
    headers: dict[str, str] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    region: str = ""
    nonce: str = ""
    key_id: str = ""
    algorithm: str = ""
    sign: Callable[[bytes], bytes] | None = None
    digest: str = "sha-256"
    secret: tuple[str, str] = ("", "")
    """AK and SK: then that mode."""

    def octets(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()

    def message(self) -> HTTPMessage:
        path = self.path or f"/api/v1/sharing/{self.operation}"
        body = b"" if self.method == "GET" else self.octets()
        headers = {name.lower(): [value] for name, value in self.headers.items()}
        return HTTPMessage(self.method, path, self.query, headers, body)

    def signed(self) -> dict[str, str]:
        """All headers."""
        system = self.system
        self.headers.setdefault("Content-Type", "application/json")
        if self.secret[0]:
            return {**self.headers, **self._access_key()}
        if self.token is not None:
            self.headers["Authorization"] = f"Bearer {self.token or system.token}"
        added = sign_request(
            self.message(), sign=self.sign or system.sign, key_id=self.key_id or system.key_id,
            algorithm=self.algorithm or HTTP_LABELS[system.kind], region=self.region or system.region,
            nonce=self.nonce or secrets.token_urlsafe(24), now=self.now, digest=self.digest,
        )  # fmt: skip
        return {**self.headers, **added}

    def _access_key(self) -> dict[str, str]:
        stamp, nonce = self.now.strftime("%Y-%m-%dT%H:%M:%SZ"), self.nonce or secrets.token_urlsafe(24)
        region = self.region or self.system.region
        value = access_keys.mac(
            bytes.fromhex(self.secret[1]), access_keys.canonical(self.message(), region, stamp, nonce)
        )
        return {"X-LT-Access-Key": self.secret[0], "X-LT-Timestamp": stamp, "X-LT-Nonce": nonce,
                "X-LT-Signature": value}  # fmt: skip


def send(
    client: httpx.Client, draft: Draft, after: Callable[[Draft, dict[str, str]], None] | None = None
) -> httpx.Response:
    """``after`` spoils what was signed: the draft and its headers."""
    headers = draft.signed()
    if after is not None:
        after(draft, headers)
    message = draft.message()
    url = message.path + (f"?{message.query}" if message.query else "")
    return client.request(message.method, url, content=message.body or None, headers=headers)


def ask(client: httpx.Client, system: System, operation: str, **parameters: object) -> httpx.Response:
    """A right request."""
    purpose = parameters.pop("purpose", None) or system.purpose()
    return send(client, Draft(system, operation, {"purpose": purpose, **parameters}))


def payload(answer: httpx.Response) -> Mapping[str, Any]:
    assert answer.status_code == 200, answer.text
    found: Mapping[str, Any] = answer.json()["payload"]
    return found


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
