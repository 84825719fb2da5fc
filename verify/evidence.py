"""随附证书: whose standing is to be asked about when a document is judged online?

All certificates that signatures, seals and time stamps of a document bring along. None is believed here; what
cannot be read is judged elsewhere and passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from trust.certificates import Certificate, load_certificate
from trust.errors import Malformed
from trust.timestamp import load_timestamp
from verify.opening import OpenedDocument, OpenedSignature


def certificates_in(opened: OpenedDocument) -> tuple[Certificate, ...]:
    """Each once, in the order of the document: signers, seal makers, time-stamp authorities."""
    found = {c.digest: c for signature in opened.signatures for c in _of_signature(signature)}
    return tuple(found.values())


def signers_in(opened: OpenedDocument) -> list[bytes]:
    """DER of the certificates that came along with digital signatures."""
    return [der for one in opened.signatures if one.cms is not None for der in one.cms.certificates]


def _of_signature(signature: OpenedSignature) -> Iterator[Certificate]:
    ses, cms = signature.ses, signature.cms
    tokens = []
    if ses is not None:
        yield from _read(ses.signer_certificate, ses.seal.maker_certificate)
        tokens.append(ses.timestamp)
    if cms is not None:
        yield from _read(*cms.certificates)
        tokens.extend(signer.timestamp for signer in cms.signers)
    for token in tokens:
        try:
            yield from load_timestamp(token).certificates if token else ()
        except Malformed:
            continue


def _read(*ders: bytes) -> Iterator[Certificate]:
    for der in ders:
        try:
            yield load_certificate(der)
        except Malformed:
            continue
