"""信任包: a trust store on its way, signed by its publisher, for verifiers without a region.

    payload: {"format", "region", "issued_at", "next_update",
              "anchors": [{"certificate", "purposes", "valid_from", "valid_to"}],
              "intermediates": [base64], "crls": [base64], "status_lists": [base64]}
    where there are any, also: "ocsp": [base64], "seal_lists": [base64] and "trust_list": base64; and in an anchor that
    was taken out: "removed_at"

A bundle vouches for itself only so far: its publisher must have a path to an anchor for BUNDLE inside it, so
that damage is noticed. Whether the *first* bundle is the right one, its bearer must know from elsewhere;
later ones are checked against the store already believed (``publisher=``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from trust.anchor_json import read_anchor, write_anchor
from trust.anchors import Purpose, TrustStore
from trust.canonical import Value
from trust.certificates import load_certificate
from trust.errors import CheckFailed, LicenceTrustError, Malformed
from trust.list_chain import check_signed
from trust.ocsp import load_ocsp
from trust.path import build_path
from trust.revocation import check_revocation, load_crl
from trust.seal_status import SealStatusList, load_seal_status_list
from trust.signed import (
    SignedDocument,
    decode,
    encode,
    items,
    members,
    moment,
    odd,
    open_signed,
    sign_document,
    text,
    write_moment,
)
from trust.status_list import load_status_list
from trust.trust_list import TrustList
from trust.trust_list_reading import load_trust_list

FORMAT: Final = "licence-trust/trust-bundle/1"
MAX_BYTES: Final = 64 << 20
_MAX_ITEMS: Final = 4096
_NAMES: Final = {
    "format", "region", "issued_at", "next_update", "anchors", "intermediates", "crls", "status_lists",
}  # fmt: skip
_MAY_BE: Final = {"ocsp", "seal_lists", "trust_list"}


def build_bundle(
    store: TrustStore,
    sign: Callable[[bytes], bytes],
    signer_chain: Iterable[bytes],
    issued_at: datetime,
    next_update: datetime,
) -> bytes:
    """信任包: all of ``store``, signed by ``sign`` (DER r, s over its argument); ``signer_chain`` in DER."""
    payload: dict[str, object] = {
        "format": FORMAT,
        "region": store.region,
        "issued_at": write_moment(issued_at),
        "next_update": write_moment(next_update),
        "anchors": [write_anchor(anchor) for anchor in store.anchors],
        "intermediates": [encode(certificate.der) for certificate in store.intermediates],
        "crls": [encode(crl.der) for crl in store.crls],
        "status_lists": [encode(published.data) for published in store.status_lists],
    }
    if store.ocsp:
        payload["ocsp"] = [encode(response.der) for response in store.ocsp]
    if store.trust_list is not None:
        payload["trust_list"] = encode(store.trust_list.data)
        payload["seal_lists"] = [encode(published.data) for published in store.seal_lists]
    return sign_document(payload, sign, signer_chain)


def load_bundle(data: bytes, *, publisher: TrustStore | None = None) -> TrustStore:
    """The store in ``data``, its signature checked up to an anchor for BUNDLE.

    The anchor is looked for in ``publisher``, a store already believed, or else in the bundle itself.
    Raises ``Malformed("bundle.malformed")`` or ``Malformed("bundle.untrusted")``. Freshness is not judged
    here: see ``TrustStore.next_update``.
    """
    try:
        document = open_signed(data, FORMAT, limit=MAX_BYTES)
        store = _read_store(document)
    except LicenceTrustError as error:
        raise Malformed("bundle.malformed", "信任包无法解析：{reason}", reason=error.message) from error
    try:
        _check_publisher(document, publisher or store, store)
    except CheckFailed as error:
        raise Malformed("bundle.untrusted", "信任包的发布者不可信：{reason}", reason=error.message) from error
    return store


def _check_publisher(document: SignedDocument, believed: TrustStore, store: TrustStore) -> None:
    """The publisher's path must hold when the bundle was issued, and no list at hand may revoke it."""
    document.check_signature()
    signer, *others = document.certificates
    issued = store.issued_at
    assert issued is not None
    path = build_path(signer, believed, Purpose.BUNDLE, issued, extra=others)
    try:
        check_revocation(path, (*believed.crls, *store.crls), issued, known_at=issued, proved=False)
    except CheckFailed as failure:
        if failure.code.startswith("revocation.revoked"):
            raise


def _read_store(document: SignedDocument) -> TrustStore:
    payload = members(dict(document.payload), _NAMES | (_MAY_BE & set(document.payload)))
    issued, following = moment(payload, "issued_at"), moment(payload, "next_update")
    if issued > following:
        raise odd("next_update")
    return TrustStore(
        anchors=tuple(read_anchor(item) for item in _some(payload, "anchors")),
        intermediates=tuple(load_certificate(decode(item)) for item in _some(payload, "intermediates")),
        crls=tuple(load_crl(decode(item)) for item in _some(payload, "crls")),
        status_lists=tuple(load_status_list(decode(item)) for item in _some(payload, "status_lists")),
        region=text(payload, "region"),
        issued_at=issued,
        next_update=following,
        ocsp=tuple(load_ocsp(decode(item)) for item in _some(payload, "ocsp")) if "ocsp" in payload else (),
        seal_lists=_seal_lists(payload),
        trust_list=_trust_list(payload),
    )


def _seal_lists(payload: dict[str, Value]) -> tuple[SealStatusList, ...]:
    found = _some(payload, "seal_lists") if "seal_lists" in payload else []
    return tuple(load_seal_status_list(decode(item)) for item in found)


def _trust_list(payload: dict[str, Value]) -> TrustList | None:
    """信任列表, signed by enough of its own keepers; that they are the right ones, the bundle's publisher says."""
    if "trust_list" not in payload:
        return None
    found = load_trust_list(decode(payload["trust_list"]))
    check_signed(found, found.keepers, found.threshold)
    return found


def _some(payload: dict[str, Value], name: str) -> list[Value]:
    found = items(payload, name)
    if len(found) > _MAX_ITEMS:
        raise odd(name)
    return found
