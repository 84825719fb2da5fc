"""Signed requests: the example of RFC 9421, our own both ways, and whatever a stranger may write."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sharing_systems import es256_key, sm2_key
from trust import access_keys, jose, structured_fields
from trust.errors import LicenceTrustError, Malformed, Unauthenticated
from trust.http_signatures import HTTPMessage, check_signature, read_signature, sign_request
from trust.request_keys import ES256, HTTP_LABELS, SM2, RequestKey, load_request_key
from trust.structured_fields import Member, Token, read_dictionary, write_member

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NONCE = "0123456789abcdef"


def request(body: bytes = b"{}", **headers: str) -> HTTPMessage:
    return HTTPMessage("POST", "/api/v1/sharing/licence", "", {name: [value] for name, value in headers.items()}, body)


def signed(kind: str, message: HTTPMessage) -> tuple[HTTPMessage, RequestKey]:
    spki, sign = sm2_key() if kind == SM2 else es256_key()
    added = sign_request(
        message, sign=sign, key_id="k", algorithm=HTTP_LABELS[kind], region="990000", nonce=NONCE, now=NOW
    )
    headers = {**message.headers, **{name.lower(): [value] for name, value in added.items()}}
    return HTTPMessage(message.method, message.path, message.query, headers, message.body), load_request_key(spki)


@pytest.mark.parametrize("kind", [SM2, ES256])
def test_what_is_signed_is_believed(kind: str) -> None:
    message, key = signed(kind, request(authorization="Bearer x"))
    assert key.kind == kind
    read = read_signature(message, region="990000", now=NOW)
    check_signature(read, key)
    assert read.covered == ("@method", "@path", "content-digest", "authorization")
    other = sm2_key()[0] if kind == SM2 else es256_key()[0]
    with pytest.raises(Unauthenticated):
        check_signature(read, load_request_key(other))


@pytest.mark.parametrize("seconds", [-300, 0, 60])
def test_the_window(seconds: int) -> None:
    message, _ = signed(SM2, request())
    read_signature(message, region="990000", now=NOW - timedelta(seconds=seconds))


@pytest.mark.parametrize(("seconds", "code"), [(301, "signature.stale"), (-61, "signature.future")])
def test_outside_the_window(seconds: int, code: str) -> None:
    message, _ = signed(SM2, request())
    with pytest.raises(Unauthenticated) as caught:
        read_signature(message, region="990000", now=NOW + timedelta(seconds=seconds))
    assert caught.value.code == code


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_changed_octet_passes(place: int, bit: int) -> None:
    message, key = SIGNED
    at = place % len(message.body)
    body = bytearray(message.body)
    body[at] ^= 1 << bit
    changed = HTTPMessage(message.method, message.path, message.query, message.headers, bytes(body))
    with pytest.raises(Unauthenticated):
        check_signature(read_signature(changed, region="990000", now=NOW), key)


SIGNED = signed(SM2, request(b'{"purpose": {}, "licence_id": "1.2.3"}', authorization="Bearer x"))


@given(st.sampled_from(["signature", "signature-input", "content-digest"]), st.text(max_size=200))
def test_whatever_is_written_is_refused_and_never_a_defect(name: str, text: str) -> None:
    message, key = SIGNED
    changed = HTTPMessage(message.method, message.path, "", {**message.headers, name: [text]}, message.body)
    with pytest.raises(LicenceTrustError):
        check_signature(read_signature(changed, region="990000", now=NOW), key)


def test_the_digest_of_rfc_9530() -> None:
    """Its first example: the SHA-256 of ``{"hello": "world"}`` and a line feed."""
    body = b'{"hello": "world"}\n'
    wanted = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="
    assert base64.b64encode(hashlib.sha256(body).digest()).decode() == wanted
    found = read_dictionary(f"sha-256=:{wanted}:")
    assert found["sha-256"].value == base64.b64decode(wanted)


def test_the_parameters_of_rfc_9421() -> None:
    """Section 2.5's example is written as it is read."""
    text = (
        '("@method" "@authority" "@path" "content-digest" "content-length" "content-type")'
        ';created=1618884473;keyid="test-key-rsa-pss"'
    )
    assert write_member(read_dictionary(f"sig1={text}")["sig1"]) == text


@pytest.mark.parametrize(
    "text",
    ["a=1,", "a=1, a=2", "A=1", "a=(1 2", "a=(1  2)x", 'a="', "a=:=:", "a=:YQ:", "a=?2", "a=1.5", "a=1;b=1;b=2", "=1", "a==1", "é=1"],
)  # fmt: skip
def test_fields_that_are_none(text: str) -> None:
    with pytest.raises(Malformed):
        read_dictionary(text)


_ITEMS = st.one_of(
    st.integers(-(10**15) + 1, 10**15 - 1), st.booleans(), st.binary(max_size=40),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    st.from_regex(r"[A-Za-z*][A-Za-z0-9:/]{0,9}", fullmatch=True).map(Token),
)  # fmt: skip
_NAMES = st.from_regex(r"[a-z*][a-z0-9_.*-]{0,9}", fullmatch=True)


@given(_NAMES, _ITEMS, st.dictionaries(_NAMES, _ITEMS, max_size=4))
def test_fields_come_back_as_they_went(
    name: str, value: structured_fields.Item, stated: dict[str, structured_fields.Item]
) -> None:
    member = Member((Member(value),), stated)
    assert read_dictionary(f"{name}={write_member(member)}") == {name: member}


@given(st.text(max_size=300))
def test_no_assertion_is_a_defect(text: str) -> None:
    with pytest.raises(Unauthenticated):
        jose.read_assertion(text)


@pytest.mark.parametrize("kind", [SM2, ES256])
def test_assertions(kind: str) -> None:
    spki, sign = sm2_key() if kind == SM2 else es256_key()
    label = "x-sm2-sm3" if kind == SM2 else "ES256"
    text = jose.make_assertion(
        client="c", audience="a", key_id="k", algorithm=label, jti="12345678", now=NOW, sign=sign
    )
    key = load_request_key(spki)
    found = jose.check_assertion(jose.read_assertion(text), key, client="c", audiences=["a"], now=NOW)
    assert found == "12345678"


@pytest.mark.parametrize(
    "data", [b"", b"x", b"-----BEGIN PUBLIC KEY-----\nxx\n-----END PUBLIC KEY-----", b"\x30" * 200, b"0" * 9000]
)
def test_keys_that_are_none(data: bytes) -> None:
    with pytest.raises(Malformed):
        load_request_key(data)


def test_an_access_key_speaks_for_one_region_and_request() -> None:
    message = request()
    values = [
        access_keys.mac(b"s" * 32, access_keys.canonical(message, region, stamp, NONCE))
        for region in ("990000", "110000")
        for stamp in ("2026-11-22T08:00:00Z", "2026-11-22T08:00:01Z")
    ]
    assert len(set(values)) == 4
