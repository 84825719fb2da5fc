"""长期有效 (EN 319 142-1, 5.4 and 6.3): evidence put behind the signatures of a PDF, and time stamps over all of it.

    longer = add_evidence(data, evidence)                 # B-LT: certificates and revocation data (DSS, no VRI)
    lasting = stamp_document(longer, timestamper)         # B-LTA: a document time stamp over everything before it

A licence of unlimited term is stamped anew before the certificate of its last time stamp ends
(``last_stamp_ends``): each stamp proves that the evidence for the one before it existed while it was good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pikepdf

from keys.signer import Timestamper
from seal import cms, ses
from seal.pdf import structures
from seal.pdf.document import Additions
from seal.pdf.objects import array, dictionary, name, reference, stream
from seal.pdf.reading import SignatureField, open_pdf, signature_fields
from seal.pdf.sealable import open_pdf_for_sealing
from seal.pdf.sealing import TIMESTAMP_ROOM, add_invisible_field
from seal.pdf.slot import open_slot
from trust.algorithms import sm3
from trust.certificates import Certificate, load_certificate
from trust.errors import Malformed
from trust.timestamp import Timestamp, load_timestamp

_KINDS = ("Certs", "CRLs", "OCSPs")


@dataclass(frozen=True, slots=True)
class Evidence:
    """验证材料: what a verifier needs when nobody can be asked any more, DER."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsp: tuple[bytes, ...] = ()


def add_evidence(data: bytes, evidence: Evidence) -> bytes:
    """``data`` with what it does not hold yet of ``evidence``; unchanged where it holds it all.

    Raises as ``open_pdf_for_sealing`` does.
    """
    document = open_pdf_for_sealing(data)
    held = _held(data)
    added, number = Additions(), document.next_number
    entries: dict[str, bytes] = {"Type": b"/DSS"}
    new = 0
    for kind, offered in zip(_KINDS, (evidence.certificates, evidence.crls, evidence.ocsp), strict=True):
        listed = [place for place, _ in held.listed[kind]]
        known = {digest for _, digest in held.listed[kind]}
        for one in offered:
            if sm3(one) in known:
                continue
            known.add(sm3(one))
            number, new = number + 1, new + 1
            added.objects[number] = stream({}, one, level=6)
            listed.append(reference(number))
        if listed:
            entries[kind] = array(listed)
    if not new:
        return data
    store = held.number or document.next_number
    added.objects[store] = dictionary(entries)
    if not held.number:
        added.catalog["DSS"] = reference(store)
    return bytes(document.write(added).data)


@dataclass(frozen=True, slots=True)
class _Held:
    number: int
    """Object of the DSS, 0: none, or not an object of its own."""
    listed: dict[str, list[tuple[bytes, bytes]]]
    """Kind → reference and digest of each piece."""


def _held(data: bytes) -> _Held:
    with open_pdf(data) as pdf:
        try:
            store = pdf.Root.get("/DSS")
            listed: dict[str, list[tuple[bytes, bytes]]] = {kind: [] for kind in _KINDS}
            if not isinstance(store, pikepdf.Dictionary):
                return _Held(0, listed)
            for kind in _KINDS:
                listed[kind] = [(one.unparse(), sm3(one.read_bytes())) for one in store.get(f"/{kind}", [])]
            return _Held(store.objgen[0] if store.is_indirect else 0, listed)
        except (pikepdf.PdfError, AttributeError, TypeError, ValueError, RuntimeError) as error:
            raise Malformed("format.pdf_broken", "PDF 的结构损坏，无法打开。") from error


def stamp_document(data: bytes, timestamper: Timestamper) -> bytes:
    """``data`` with a document time stamp over all of it (SM3). Raises ``Unavailable`` where none can be had."""
    document = open_pdf_for_sealing(data)
    added, number = Additions(), document.next_number
    add_invisible_field(document, added, number, f"Timestamp_{document.signatures + 1}")
    entries = {
        "Type": b"/DocTimeStamp",
        "Filter": name(structures.FILTER),
        "SubFilter": name(structures.DOCUMENT_TIMESTAMP),
        "V": b"0",
    }
    slot = open_slot(document, added, number, entries, TIMESTAMP_ROOM)
    covered = slot.data[: slot.start] + slot.data[slot.end :]
    return slot.fill(timestamper.stamp(covered))


# ---------------------------------------------------------------- what is in it


def certificates_of(data: bytes) -> tuple[Certificate, ...]:
    """Each certificate that signatures, seals and time stamps bring, once. None is believed here."""
    found: dict[bytes, Certificate] = {}
    with open_pdf(data) as pdf:
        for field in signature_fields(pdf):
            for certificate in _certificates(field):
                found[certificate.digest] = certificate
    return tuple(found.values())


def document_stamps(data: bytes) -> tuple[Timestamp, ...]:
    """The document time stamps, oldest first; none is believed here."""
    with open_pdf(data) as pdf:
        fields = [field for field in signature_fields(pdf) if field.sub_filter == structures.DOCUMENT_TIMESTAMP]
        tokens = [token for field in fields if (token := _token(_contents(field)))]
    return tuple(sorted(tokens, key=lambda token: token.gen_time))


def last_stamp_ends(data: bytes) -> datetime | None:
    """When the certificate of the newest document time stamp ends; ``None`` without one."""
    stamps = document_stamps(data)
    newest = stamps[-1].tsa_certificate if stamps else None
    return newest.not_after if newest is not None else None


def _certificates(field: SignatureField) -> Iterator[Certificate]:
    contents = _contents(field)
    if field.sub_filter == structures.DOCUMENT_TIMESTAMP:
        token = _token(contents)
        yield from token.certificates if token else ()
        return
    assert field.value is not None or not contents
    held = field.value.get(f"/{structures.SEAL_KEY}") if field.value is not None else None
    if isinstance(held, pikepdf.String):
        yield from _of_seal(bytes(held))
    try:
        if field.sub_filter == structures.SES:
            yield from _of_ses(contents)
        elif contents:
            yield from _of_cms(contents)
    except Malformed:
        return


def _of_seal(der: bytes) -> Iterator[Certificate]:
    try:
        yield from _read([ses.parse_seal(der).maker_certificate])
    except Malformed:
        return


def _of_ses(contents: bytes) -> Iterator[Certificate]:
    value = ses.parse_signature(contents)
    yield from _read([value.signer_certificate, value.seal.maker_certificate])
    token = _token(value.timestamp)
    yield from token.certificates if token else ()


def _of_cms(contents: bytes) -> Iterator[Certificate]:
    content = cms.parse_signed_data(contents)
    yield from _read(content.certificates)
    for signer in content.signers:
        token = _token(signer.timestamp)
        yield from token.certificates if token else ()


def _read(ders: Iterable[bytes]) -> Iterator[Certificate]:
    for der in ders:
        try:
            yield load_certificate(der)
        except Malformed:
            continue


def _token(der: bytes | None) -> Timestamp | None:
    try:
        return load_timestamp(der) if der else None
    except Malformed:
        return None


def _contents(field: SignatureField) -> bytes:
    """The value without the zeros behind it: as long as its first element says."""
    held: Any = field.value.get("/Contents") if field.value is not None else None
    data = bytes(held) if isinstance(held, pikepdf.String) else b""
    if len(data) < 2 or data[0] != 0x30:
        return b""
    if data[1] < 0x80:
        return data[: 2 + data[1]]
    octets = data[1] & 0x7F
    return data[: 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")]
