"""Signatures of requests (RFC 9421) against a library that others wrote: each checks what the other signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.federation import authority_of
from tests.interop.programs import IN_CI
from trust.errors import Unauthenticated
from trust.http_signatures import HTTPMessage, check_signature, read_signature, sign_request, tag_of
from trust.request_keys import ES256, HTTP_LABELS, SM2, RequestKey, load_request_key
from trust.sm2 import split_signature

try:
    http_message_signatures: Any = import_module("http_message_signatures")
except ImportError:
    if IN_CI:
        raise
    pytest.skip("http-message-signatures is missing (pip install -e .[interop])", allow_module_level=True)
theirs: Any = http_message_signatures.algorithms

REGION, KEY, NONCE = "990000", "120000:k1", "n0nce-of-24-characters-x"
P256 = ec.generate_private_key(ec.SECP256R1())
OURS = authority_of(REGION, "演示省").publisher
"""Whose SM2 key signs."""


def octets(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sign_sm2(data: bytes) -> bytes:
    return octets(*split_signature(OURS.sign(data)))


def sign_p256(data: bytes) -> bytes:
    return octets(*decode_dss_signature(P256.sign(data, ec.ECDSA(hashes.SHA256()))))


KEYS: dict[str, tuple[Callable[[bytes], bytes], RequestKey]] = {
    ES256: (
        sign_p256,
        load_request_key(
            P256.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        ),
    ),
    SM2: (sign_sm2, load_request_key(OURS.certificate.public_key.spki)),
}


Algorithm: Any = theirs.HTTPSignatureAlgorithm
KeyResolver: Any = http_message_signatures.HTTPSignatureKeyResolver


class SM2Algorithm(Algorithm):  # type: ignore[misc]
    """Our private label, as anybody would add it to that library."""

    algorithm_id = HTTP_LABELS[SM2]

    def __init__(self, public_key: Any = None, private_key: Any = None) -> None:
        """Keys as the resolver gives them."""

    def sign(self, message: bytes) -> bytes:
        return sign_sm2(message)

    def verify(self, signature: bytes, message: bytes) -> None:
        if not KEYS[SM2][1].verify(signature, message):
            raise http_message_signatures.InvalidSignature("not this key's")


ALGORITHMS = {ES256: theirs.ECDSA_P256_SHA256, SM2: SM2Algorithm}


class Resolver(KeyResolver):  # type: ignore[misc]
    def resolve_public_key(self, key_id: str) -> Any:
        return P256.public_key()

    def resolve_private_key(self, key_id: str) -> Any:
        return P256


@dataclass
class Request:
    """As that library wants it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


MESSAGES = {
    "question": HTTPMessage("POST", "/api/v1/sharing/licence", body=b'{"licence_id": "x"}'),
    "with a token": HTTPMessage("POST", "/api/v1/sharing/check", "", {"authorization": ["Bearer st_abc"]}, b"{}"),
    "query, no body": HTTPMessage("GET", "/api/v1/sharing/applications", "state=open&n=%E7%94%B2"),
    "path with escapes": HTTPMessage("POST", "/api/v1/sharing/qr%20x", body="甲".encode()),
}


def covered(message: HTTPMessage) -> list[str]:
    names = {"@query": message.query, "content-digest": message.body, "authorization": message.header("authorization")}
    return ["@method", "@path", *(name for name, there in names.items() if there)]


def request_of(message: HTTPMessage, headers: dict[str, str]) -> Request:
    query = f"?{message.query}" if message.query else ""
    given = {name.title(): ", ".join(values) for name, values in message.headers.items()}
    return Request(message.method, f"https://a.example.test{message.path}{query}", {**given, **headers})


@pytest.mark.parametrize("kind", ALGORITHMS)
@pytest.mark.parametrize("name", MESSAGES)
def test_they_believe_what_we_signed(name: str, kind: str) -> None:
    message, (sign, _) = MESSAGES[name], KEYS[kind]
    added = sign_request(
        message, sign=sign, key_id=KEY, algorithm=HTTP_LABELS[kind], region=REGION, nonce=NONCE, now=datetime.now(UTC)
    )
    verifier = http_message_signatures.HTTPMessageVerifier(
        signature_algorithm=ALGORITHMS[kind], key_resolver=Resolver()
    )
    found = verifier.verify(request_of(message, added), expect_tag=tag_of(REGION))
    (result,) = found if isinstance(found, list) else [found]
    assert result.parameters["keyid"] == KEY and result.nonce == NONCE
    assert [one.strip('"') for one in result.covered_components][:-1] == covered(message)
    changed = request_of(replace(message, path="/api/v1/sharing/download"), added)
    with pytest.raises(http_message_signatures.InvalidSignature):
        verifier.verify(changed, expect_tag=tag_of(REGION))


@pytest.mark.parametrize("kind", ALGORITHMS)
@pytest.mark.parametrize("name", MESSAGES)
def test_we_believe_what_they_signed(name: str, kind: str) -> None:
    message, (_, key), now = MESSAGES[name], KEYS[kind], datetime.now(UTC)
    request = request_of(message, {})
    signer = http_message_signatures.HTTPMessageSigner(signature_algorithm=ALGORITHMS[kind], key_resolver=Resolver())
    signer.sign(
        request, key_id=KEY, created=now, nonce=NONCE, tag=tag_of(REGION),
        covered_component_ids=[one for one in covered(message) if one != "content-digest"],
        **({"body": message.body} if message.body else {}),
    )  # fmt: skip
    received = replace(message, headers={name.lower(): [value] for name, value in request.headers.items()})
    signature = read_signature(received, region=REGION, now=now)
    check_signature(signature, key)
    assert (signature.key_id, signature.nonce) == (KEY, NONCE)
    with pytest.raises(Unauthenticated):
        altered = read_signature(replace(received, method="PUT"), region=REGION, now=now)
        check_signature(altered, key)
