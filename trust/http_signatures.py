"""HTTP 报文签名 (RFC 9421) with Content-Digest (RFC 9530): is this request as its sender sent it, and meant for us?

    POST /api/v1/sharing/licence HTTP/1.1
    Authorization: Bearer st_…
    Content-Digest: sha-256=:…:                        or x-sm3=:…:, or both
    Signature-Input: s=("@method" "@path" "content-digest" "authorization");created=1795334400;
                       nonce="…";keyid="…";alg="x-sm2-sm3";tag="licence-trust/sharing:990000"
    Signature: s=:…:

Covered must be ``@method``, ``@path``, ``@query`` where there is one, ``content-digest`` where there is a body, and
``authorization`` where it is sent; ``tag`` names the region the question is put to, so that a request signed for one
is worth nothing at another. Whether the nonce was seen before is for whoever keeps nonces.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from trust.errors import Malformed, Unauthenticated
from trust.request_keys import HTTP_LABELS, RequestKey
from trust.structured_fields import Item, Member, Token, read_dictionary, write_item, write_member

WINDOW: Final = timedelta(minutes=5)
"""A request counts so long after it was signed."""
AHEAD: Final = timedelta(seconds=60)
"""How far a sender's clock may be ahead of ours."""
DIGESTS: Final = {"sha-256": "sha256", "x-sm3": "sm3"}
"""RFC 9530 label → algorithm; ``x-sm3`` is a private label: none is registered for SM3."""
_NONCE: Final = re.compile(r"[A-Za-z0-9_+/=.\-]{16,128}")
_DERIVED: Final = ("@method", "@authority", "@path", "@query")


class SignatureRefused(Unauthenticated):
    """The request's signature or digest does not hold."""

    remedy_template = "请按 docs/sharing.md 的说明签名后重试。"


@dataclass(frozen=True, slots=True)
class HTTPMessage:
    """请求报文 as it was received."""

    method: str
    path: str
    """As it was sent, percent-encoding and all."""
    query: str = ""
    """Without the question mark."""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Lower-case name → values in order."""
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """All values of a header as one; ``None``: it was not sent."""
        values = self.headers.get(name)
        return None if not values else ", ".join(value.strip() for value in values)


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """请求签名, read: nothing is checked yet but its form."""

    key_id: str
    algorithm: str
    """As stated; empty: not stated."""
    created: datetime
    nonce: str
    tag: str
    covered: tuple[str, ...]
    base: bytes = field(repr=False)
    """The octets that are signed."""
    value: bytes = field(repr=False)


def tag_of(region: str) -> str:
    """``tag`` of a request to this region."""
    return f"licence-trust/sharing:{region}"


# ---------------------------------------------------------------- checking


def read_signature(message: HTTPMessage, *, region: str, now: datetime) -> RequestSignature:
    """The one signature of ``message``, well-formed, covering what it must, meant for ``region`` and fresh at ``now``.

    Raises ``Unauthenticated("signature.*", "digest.*")``.
    """
    label, member = _one_input(message)
    value = _one_value(message, label)
    covered = _covered(member)
    _demand_covered(message, covered)
    check_digest(message)
    stated = dict(member.parameters)
    key_id, nonce, tag = (_stated(stated, name) for name in ("keyid", "nonce", "tag"))
    if tag != tag_of(region):
        raise SignatureRefused(
            "signature.tag",
            "签名的 tag 不是发往本地区的共享请求。",
            remedy="tag 应为 {expected}。",
            expected=tag_of(region),
        )
    if not _NONCE.fullmatch(nonce):
        raise SignatureRefused("signature.nonce", "nonce 应为16至128位字母、数字或 _ + / = . -。")
    created = _moment(stated, "created", now)
    check_window(created, now, "signature")
    if "expires" in stated and _moment(stated, "expires", now) < now:
        raise SignatureRefused("signature.expired", "签名已过 expires 所定的时刻。")
    algorithm = stated.get("alg", "")
    base = _base(message, covered, member)
    return RequestSignature(key_id, str(algorithm), created, nonce, tag, covered, base, value)


def check_signature(signature: RequestSignature, key: RequestKey) -> None:
    """Raises ``Unauthenticated("signature.algorithm", "signature.invalid")`` unless ``key`` made it."""
    if signature.algorithm not in ("", HTTP_LABELS.get(key.kind)):
        raise SignatureRefused("signature.algorithm", "签名算法与密钥的种类不符。")
    if not key.verify(signature.value, signature.base):
        raise SignatureRefused("signature.invalid", "请求签名与所列内容不符。")


def check_window(created: datetime, now: datetime, area: str) -> None:
    """Raises ``<area>.stale`` or ``<area>.future`` for what was not signed just now."""
    if created < now - WINDOW:
        raise SignatureRefused(f"{area}.stale", "请求已超过五分钟的有效时间窗。", remedy="请以当前时间重新签名后发送。")
    if created > now + AHEAD:
        raise SignatureRefused(f"{area}.future", "请求的签名时间在将来。", remedy="请校准时钟后重新签名。")


def check_digest(message: HTTPMessage) -> None:
    """Every digest in ``Content-Digest`` that we know must be the body's, and there must be one.

    Raises ``Unauthenticated("digest.missing", "digest.malformed", "digest.algorithm", "digest.mismatch")``.
    """
    text = message.header("content-digest")
    if text is None:
        if message.body:
            raise SignatureRefused("digest.missing", "带正文的请求应有 Content-Digest 头。")
        return
    try:
        stated = {name: one.value for name, one in read_dictionary(text).items()}
    except Malformed as error:
        raise SignatureRefused("digest.malformed", "Content-Digest 头无法解析（RFC 9530）。") from error
    known = {name: value for name, value in stated.items() if name in DIGESTS}
    if not all(isinstance(value, bytes) for value in stated.values()):
        raise SignatureRefused("digest.malformed", "Content-Digest 头无法解析（RFC 9530）。")
    if not known:
        raise SignatureRefused("digest.algorithm", "Content-Digest 应含 {known} 之一。", known="、".join(DIGESTS))
    for name, value in known.items():
        if not hmac.compare_digest(hashlib.new(DIGESTS[name], message.body).digest(), value):  # type: ignore[arg-type]
            raise SignatureRefused("digest.mismatch", "正文与 Content-Digest（{name}）不符。", name=name)


def _one_input(message: HTTPMessage) -> tuple[str, Member]:
    text = message.header("signature-input")
    if text is None or message.header("signature") is None:
        raise SignatureRefused("signature.missing", "请求没有签名：应有 Signature-Input 和 Signature 头（RFC 9421）。")
    try:
        found = read_dictionary(text)
    except Malformed as error:
        raise SignatureRefused("signature.malformed", "Signature-Input 头无法解析（RFC 9421）。") from error
    if len(found) != 1:
        raise SignatureRefused("signature.labels", "请求应恰有一个签名。")
    [(label, member)] = found.items()
    if not isinstance(member.value, tuple):
        raise SignatureRefused("signature.malformed", "Signature-Input 头无法解析（RFC 9421）。")
    return label, member


def _one_value(message: HTTPMessage, label: str) -> bytes:
    try:
        found = read_dictionary(message.header("signature") or "")
    except Malformed as error:
        raise SignatureRefused("signature.value_malformed", "Signature 头无法解析（RFC 9421）。") from error
    if set(found) != {label}:
        raise SignatureRefused("signature.labels", "请求应恰有一个签名。")
    value = found[label].value
    if not isinstance(value, bytes) or found[label].parameters:
        raise SignatureRefused("signature.value_malformed", "Signature 头无法解析（RFC 9421）。")
    return value


def _covered(member: Member) -> tuple[str, ...]:
    names: list[str] = []
    assert isinstance(member.value, tuple)
    for one in member.value:
        name = one.value
        if not isinstance(name, str) or isinstance(name, Token) or one.parameters or name != name.lower():
            raise SignatureRefused("signature.component", "签名所列的组成部分不受支持。")
        if name in names:
            raise SignatureRefused("signature.component_twice", "签名所列的组成部分重复。")
        names.append(name)
    return tuple(names)


def _demand_covered(message: HTTPMessage, covered: tuple[str, ...]) -> None:
    wanted = {
        "@method": True,
        "@path": True,
        "@query": bool(message.query),
        "content-digest": bool(message.body),
        "authorization": message.header("authorization") is not None,
    }
    for name, needed in wanted.items():
        if needed and name not in covered:
            raise SignatureRefused(
                f"signature.uncovered_{name.strip('@').replace('-', '_')}",
                "签名没有涵盖 {name}。",
                remedy='请把 "{name}" 列入 Signature-Input 后重新签名。',
                name=name,
            )


def _stated(stated: Mapping[str, object], name: str) -> str:
    value = stated.get(name)
    if not isinstance(value, str) or isinstance(value, Token) or not value:
        raise SignatureRefused(f"signature.no_{name}", "签名缺少参数 {name}。", name=name)
    return value


def _moment(stated: Mapping[str, object], name: str, now: datetime) -> datetime:
    value = stated.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SignatureRefused(f"signature.no_{name}", "签名缺少参数 {name}。", name=name)
    try:
        return datetime.fromtimestamp(value, now.tzinfo)
    except (ValueError, OverflowError, OSError):
        raise SignatureRefused(f"signature.no_{name}", "签名缺少参数 {name}。", name=name) from None


def _base(message: HTTPMessage, covered: tuple[str, ...], member: Member) -> bytes:
    lines = [f"{write_item(name)}: {_component(message, name)}" for name in covered]
    return "\n".join([*lines, f'"@signature-params": {write_member(member)}']).encode()


def _component(message: HTTPMessage, name: str) -> str:
    match name:
        case "@method":
            return message.method
        case "@path":
            return message.path or "/"
        case "@query":
            return f"?{message.query}"
        case "@authority":
            return (message.header("host") or "").lower()
    value = None if name.startswith("@") else message.header(name)
    if value is None:
        raise SignatureRefused("signature.component", "签名所列的组成部分不受支持。")
    return value


# ---------------------------------------------------------------- signing


def sign_request(
    message: HTTPMessage,
    *,
    sign: Callable[[bytes], bytes],
    key_id: str,
    algorithm: str,
    region: str,
    nonce: str,
    now: datetime,
    digest: str = "sha-256",
) -> dict[str, str]:
    """The headers to add to ``message``. ``sign`` gives 64 octets r ‖ s over its argument."""
    added: dict[str, str] = {}
    if message.body:
        added["Content-Digest"] = f"{digest}=:{_base64(hashlib.new(DIGESTS[digest], message.body).digest())}:"
    headers = {**message.headers, **{name.lower(): [value] for name, value in added.items()}}
    whole = HTTPMessage(message.method, message.path, message.query, headers, message.body)
    names = ["@method", "@path"]
    names += ["@query"] if message.query else []
    names += [name for name in ("content-digest", "authorization") if name in headers]
    stated: dict[str, Item] = {
        "created": int(now.timestamp()),
        "nonce": nonce,
        "keyid": key_id,
        "alg": algorithm,
        "tag": tag_of(region),
    }
    member = Member(tuple(Member(name) for name in names), stated)
    added["Signature-Input"] = f"s={write_member(member)}"
    added["Signature"] = f"s=:{_base64(sign(_base(whole, tuple(names), member)))}:"
    return added


def _base64(data: bytes) -> str:
    return write_item(data).strip(":")
