"""One document signed in four forms: SES V1, V4, V5 and GB/T 35275. Rows of ``tests/vectors/verdicts.json``.

The document is a form of two pages without licence data, so that the verdict is that of the signature alone.
Nothing here obeys a rule: it makes what honest and dishonest makers make.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from keys.authority import OCSP_RESPONDER, SEAL_MAKER
from keys.ocsp import ListedStandings, OCSPResponder
from keys.software import SoftwareSigner
from keys.timestamping import TimeStampAuthority
from seal import cms, ses
from seal.ofd.signatures import ListedSignature, StampAnnot, build_signature_xml, build_signatures_xml
from tests.authority import REGION_CODE
from tests.seal.conftest import tiny_png
from tests.verify import cases, tampering, world
from tests.verify.world import MADE, NOW, SEAL_ID, SEAL_NAME, SIGNED
from trust import der
from trust.algorithms import SM2_WITH_SM3, SM3, sm3
from trust.ocsp import OCSPResponse, load_ocsp
from trust.revocation import Revoked
from trust.seal_status import SealHistory, SealStatus, SealStatusList, build_seal_status_list, load_seal_status_list
from trust.sm2 import der_to_raw
from verify.report import Report
from verify.verifier import Verifier

TABLE = Path(__file__).parents[1] / "vectors" / "verdicts.json"
FORMS = ("V1", "V4", "V5", "35275")
FOLDER = "Doc_0/Signs/Sign_0"
PAGE = "Doc_0/Pages/Page_0/Content.xml"
_NS = 'xmlns:ofd="http://www.ofdspec.org/2016"'
_PAGE = f'<ofd:Page {_NS}><ofd:Content><ofd:Layer ID="{{}}" Type="Body"/></ofd:Content></ofd:Page>'
DOCUMENT = {
    "OFD.xml": f'<ofd:OFD {_NS} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo><ofd:DocID>0123456789abcdef'
    "0123456789abcdef</ofd:DocID></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>"
    f"<ofd:Signatures>/{world.SIGNATURES}</ofd:Signatures></ofd:DocBody></ofd:OFD>",
    "Doc_0/Document.xml": f"<ofd:Document {_NS}><ofd:CommonData><ofd:MaxUnitID>9</ofd:MaxUnitID><ofd:PageArea>"
    "<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData><ofd:Pages>"
    '<ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/><ofd:Page ID="2" BaseLoc="Pages/Page_1/Content.xml"/>'
    "</ofd:Pages></ofd:Document>",
    PAGE: _PAGE.format(3),
    "Doc_0/Pages/Page_1/Content.xml": _PAGE.format(4),
}


def document() -> dict[str, bytes]:
    """The unsigned form, naming its list of signatures."""
    return {name: text.encode() for name, text in DOCUMENT.items()}


@dataclass(frozen=True)
class Recipe:
    """How a signature is made; the defaults make an honest, time-stamped one in every form."""

    # the seal
    maker: str = "maker"
    listed: str = "department"
    created: datetime = MADE
    valid_from: datetime = MADE
    valid_to: datetime = NOW + timedelta(days=300)
    list_digests: str = ""
    """CertDigestObj.type: list digests (certListType 2) under that name; ``""``: certificates."""
    digest_of: str = ""
    """Algorithm of the listed digest, if not SM3: ``sha256``, ``truncated``."""
    seal_twist: str = ""
    """``broken``, ``algorithm``, ``critical``, ``harmless``, ``version``, ``swapped dates``, ``raw``."""
    seal_stamped_by: str = ""
    """V5: whose time stamp the seal carries."""
    seal_proved: datetime = MADE
    seal_stamp: str = ""
    # the signature
    signer: str = "department"
    certificate: str = ""
    """Whose certificate is stated, if not the signer's."""
    claimed: datetime = SIGNED
    stamped_by: str = "tsa"
    """``""``: none. V1 has no place for one over the signature value."""
    proved: datetime = SIGNED
    stamp: str = ""
    """``other data``, ``broken``, ``junk``."""
    broken: bool = False
    """The value is over something else."""
    raw: bool = False
    algorithm: str = SM2_WITH_SM3
    data_hash: str = ""
    """``other``: of another Signature.xml."""
    property_info: str = f"/{FOLDER}/Signature.xml"
    version: int = 0
    """TBS_Sign.version, if not the form's."""
    extension: str = ""
    """OID of a critical extension of TBS_Sign."""
    user_id: str = ""
    attached: bool = True
    """35275: the signer's certificate is attached."""
    signers: int = 1
    tail: str = ""
    """Hex behind the signature value."""
    seal_file: str = "same"
    drop: tuple[str, ...] = ()
    """Entries without reference."""


_TIMES = {"created", "valid_from", "valid_to", "seal_proved", "claimed", "proved"}


def recipe_of(row: Mapping[str, Any]) -> Recipe:
    """The recipe of a row; unknown keys are an error."""
    given = row.get("make", {})
    assert given.keys() <= {f.name for f in fields(Recipe)}, given.keys()
    values = {key: cases.time(value) if key in _TIMES else value for key, value in given.items()}
    if "drop" in values:
        values["drop"] = tuple(values["drop"])
    return Recipe(**values)


@lru_cache(maxsize=16)
def person(name: str) -> SoftwareSigner:
    """Those of ``world.person``, and makers whose time is over."""
    office, hour = world.authority(), timedelta(hours=1)
    if name == "retired-maker":  # valid when the seal was made, expired when it was used
        period = {"not_before": NOW - 24 * hour, "not_after": NOW - 10 * hour}
        return office.issue("制章人", SEAL_MAKER, ca="seal-ca", **period)
    if name == "responder":
        return office.issue("在线证书状态服务", OCSP_RESPONDER)
    if name == "signer-as-maker":
        return office.department
    return world.person(name)


# ---------------------------------------------------------------- seals


def make_seal(form: str, recipe: Recipe) -> bytes:
    """The seal of ``recipe`` in ``form``."""
    maker, listed = person(recipe.maker), person(recipe.listed).certificate
    info = _seal_info(form, recipe, listed.der)
    if form == "V1":
        return _first_seal(info, maker, recipe)
    signature = maker.sign(info)
    if recipe.seal_twist == "broken":
        info = info.replace("电子印章".encode(), "电子公章".encode())
    token = _token(signature, recipe.seal_stamped_by, recipe.seal_proved, recipe.seal_stamp) if form == "V5" else None
    signature = der_to_raw(signature) if recipe.seal_twist == "raw" else signature
    return ses.build_seal(info, maker.certificate.der, signature, token, algorithm=_seal_algorithm(recipe))


def _seal_algorithm(recipe: Recipe) -> str:
    return "1.2.840.113549.1.1.11" if recipe.seal_twist == "algorithm" else SM2_WITH_SM3


def _seal_extensions(recipe: Recipe) -> list[ses.Extension]:
    stated = recipe.seal_twist in ("critical", "harmless")
    return [ses.Extension("2.25.1", recipe.seal_twist == "critical", b"\x05\x00")] if stated else []


def _seal_info(form: str, recipe: Recipe, listed: bytes) -> bytes:
    begin, end = recipe.valid_from, recipe.valid_to
    if recipe.seal_twist == "swapped dates":
        begin, end = end, begin
    if form == "V1":
        return _first_seal_info(recipe, listed, begin, end)
    digests = [(recipe.list_digests, _listed_digest(recipe, listed))] if recipe.list_digests else []
    version = 9 if recipe.seal_twist == "version" else int(form[1])
    return ses.build_seal_info(
        seal_id=SEAL_ID, name=SEAL_NAME, type=1, certificates=() if digests else (listed,), certificate_digests=digests,
        created=recipe.created, valid_from=begin, valid_to=end, picture=tiny_png(), width=42, height=42,
        extensions=_seal_extensions(recipe), version=version,
    )  # fmt: skip


def _listed_digest(recipe: Recipe, listed: bytes) -> bytes:
    if recipe.digest_of == "sha256":
        from hashlib import sha256

        return sha256(listed).digest()
    return sm3(listed)[: 20 if recipe.digest_of == "truncated" else 32]


def _utc(moment: datetime) -> bytes:
    return der.tlv(0x17, f"{moment:%y%m%d%H%M%SZ}".encode())


def _ia5(text: str) -> bytes:
    return der.tlv(0x16, text.encode())


def _octets(data: bytes) -> bytes:
    return der.tlv(der.OCTET_STRING, data)


def _bits(data: bytes) -> bytes:
    return der.tlv(der.BIT_STRING, b"\0", data)


def _sequence(*parts: bytes) -> bytes:
    return der.tlv(der.SEQUENCE, *parts)


def _first_seal_info(recipe: Recipe, listed: bytes, begin: datetime, end: datetime) -> bytes:
    """GM/T 0031-2014: no certListType, UTCTime."""
    extensions = [
        _sequence(der.oid(e.oid), der.tlv(1, b"\xff" if e.critical else b"\0"), _octets(e.value))
        for e in _seal_extensions(recipe)
    ]
    times = map(_utc, (recipe.created, begin, end))
    return _sequence(
        _sequence(_ia5("ES"), der.integer(1), _ia5("TEST")),
        _ia5(SEAL_ID),
        _sequence(der.integer(1), der.tlv(0x0C, SEAL_NAME.encode()), _sequence(_octets(listed)), *times),
        _sequence(_ia5("PNG"), _octets(tiny_png()), der.integer(42), der.integer(42)),
        _sequence(*extensions) if extensions else b"",
    )


def _first_seal(info: bytes, maker: SoftwareSigner, recipe: Recipe) -> bytes:
    certificate, algorithm = _octets(maker.certificate.der), der.oid(_seal_algorithm(recipe))
    signature = maker.sign(_sequence(info, certificate, algorithm))
    if recipe.seal_twist == "broken":
        info = info.replace("电子印章".encode(), "电子公章".encode())
    signature = der_to_raw(signature) if recipe.seal_twist == "raw" else signature
    return _sequence(info, _sequence(certificate, algorithm, _bits(signature)))


# ---------------------------------------------------------------- signatures


def _token(value: bytes, by: str, at: datetime, twist: str) -> bytes | None:
    if not by:
        return None
    token = TimeStampAuthority(person(by), clock=lambda: at).stamp(
        b"something else" if twist == "other data" else value
    )
    if twist == "junk":
        return b"\x30\x03\x02\x01\x07"
    return token[:-1] + bytes((token[-1] ^ 1,)) if twist == "broken" else token


def _sign(data: bytes, recipe: Recipe) -> bytes:
    signer = person(recipe.signer)
    data += b"x" * recipe.broken
    value = signer.key.sign(data, user_id=recipe.user_id.encode()) if recipe.user_id else signer.sign(data)
    return der_to_raw(value) if recipe.raw else value


def _first_value(xml_digest: bytes, seal: bytes, recipe: Recipe) -> bytes:
    certificate = person(recipe.certificate or recipe.signer).certificate.der
    tbs = _sequence(
        der.integer(recipe.version or 1), seal, _bits(f"{recipe.claimed:%Y-%m-%dT%H:%M:%SZ}".encode()),
        _bits(xml_digest), _ia5(recipe.property_info), _octets(certificate), der.oid(recipe.algorithm),
    )  # fmt: skip
    return _sequence(tbs, _bits(_sign(tbs, recipe)))


def _seal_value(form: str, xml_digest: bytes, seal: bytes, recipe: Recipe) -> bytes:
    extensions = [ses.Extension(recipe.extension, True, b"\x05\x00")] if recipe.extension else []
    version = recipe.version or int(form[1])
    tbs = ses.build_tbs(seal, recipe.claimed, xml_digest, recipe.property_info, extensions, version=version)
    value = _sign(tbs, recipe)
    certificate = person(recipe.certificate or recipe.signer).certificate.der
    token = _token(value, recipe.stamped_by, recipe.proved, recipe.stamp)
    return ses.build_signature(tbs, certificate, value, token, algorithm=recipe.algorithm)


def _signed_data(xml_digest: bytes, recipe: Recipe) -> bytes:
    """By the product's own builder where it makes such a thing."""
    value = _sign(xml_digest, recipe)
    stated = person(recipe.certificate or recipe.signer).certificate
    token = _token(value, recipe.stamped_by, recipe.proved, recipe.stamp)
    if recipe.algorithm == SM2_WITH_SM3 and recipe.attached and recipe.signers == 1:
        return cms.build_signed_data(xml_digest, value, [stated.der], token)
    name = _sequence(stated.issuer_name_der, der.integer(stated.serial))
    digest, algorithm = _sequence(der.oid(SM3)), _sequence(der.oid(recipe.algorithm))
    one = _sequence(der.integer(1), name, digest, algorithm, _octets(value))
    info = _sequence(der.oid(cms.DATA_TYPES[0]), der.tlv(der.CONTEXT_0, _octets(xml_digest)))
    certificates = der.tlv(der.CONTEXT_0, stated.der) if recipe.attached else b""
    body = _sequence(
        der.integer(1), der.tlv(der.SET, digest), info, certificates, der.tlv(der.SET, one * recipe.signers)
    )
    return _sequence(der.oid(cms.SIGNED_DATA), der.tlv(der.CONTEXT_0, body))


def sign(form: str, recipe: Recipe, entries: Mapping[str, bytes]) -> dict[str, bytes]:
    """``entries`` with one signature in ``form``."""
    answer = dict(entries)
    seal = _kept_seal(form, recipe) if form != "35275" else b""
    if seal and recipe.seal_file:
        other = make_seal(form, replace(recipe, created=recipe.created - timedelta(hours=1)))
        answer[f"{FOLDER}/Seal.esl"] = seal if recipe.seal_file == "same" else other
    xml = build_signature_xml(
        [(f"/{name}", sm3(data)) for name, data in answer.items() if name not in recipe.drop],
        [StampAnnot("s002", "1", (100, 100, 42, 42))] if seal else [],
        signed_at=recipe.claimed,
        signed_value_loc=f"/{FOLDER}/SignedValue.dat",
        seal_loc=f"/{FOLDER}/Seal.esl" if seal and recipe.seal_file else "",
    )
    digest = sm3(b"another file" if recipe.data_hash == "other" else xml)
    if form == "V1":
        value = _first_value(digest, seal, recipe)
    else:
        value = _seal_value(form, digest, seal, recipe) if seal else _signed_data(digest, recipe)
    listed = ListedSignature("s001", "Seal" if seal else "Sign", f"/{FOLDER}/Signature.xml")
    answer |= {f"{FOLDER}/Signature.xml": xml, f"{FOLDER}/SignedValue.dat": value + bytes.fromhex(recipe.tail)}
    answer[world.SIGNATURES] = build_signatures_xml([listed], "s002" if seal else "s001")
    return answer


# ---------------------------------------------------------------- the table


def load() -> list[dict[str, Any]]:
    """Every row."""
    rows: list[dict[str, Any]] = json.loads(TABLE.read_text("utf-8"))
    return rows


def build(form: str, row: Mapping[str, Any]) -> bytes:
    """The file of ``row`` in ``form``."""
    entries = sign(form, recipe_of(row), document())
    return world.pack(tampering.apply(entries, row.get("after", [])))


@dataclass(frozen=True)
class SealRegisterDouble:
    """Stands in for the register of seals: one history for every seal."""

    history: SealHistory

    def seal_status(self, seal_id: str, digest: str, moment: datetime) -> SealStatus | None:
        return self.history.at(moment, digest)


def _history(form: str, row: Mapping[str, Any]) -> SealHistory:
    """``standing``: ``[[from, state], …]`` in the order recorded; ``objects``: ``[[whose, from], …]``."""
    digests = {"this": sm3(made(form, row)).hex(), "other": sm3(b"another seal").hex()}
    states = tuple((cases.time(begin), state) for begin, state in row["standing"])
    objects = row.get("objects", [["this", "-20h"]])
    return SealHistory(states, tuple((digests[whose], cases.time(begin)) for whose, begin in objects))


@lru_cache(maxsize=256)
def _kept_seal(form: str, recipe: Recipe) -> bytes:
    return make_seal(form, recipe)


def made(form: str, row: Mapping[str, Any]) -> bytes:
    """The seal of ``row``; the same bytes whenever asked."""
    return _kept_seal(form, recipe_of(row))


def _published(form: str, row: Mapping[str, Any]) -> SealStatusList:
    """The history as a list of the region, or as the row's ``list`` says: ``by``, ``issued``, ``until``."""
    wanted = row["list"]
    publisher = person(wanted.get("by", "publisher"))
    data = build_seal_status_list(
        {SEAL_ID: _history(form, row)},
        region=wanted.get("region", REGION_CODE),
        issued_at=cases.time(wanted.get("issued", "-1h")),
        next_update=cases.time(wanted.get("until", "+1h")),
        sign=publisher.sign,
        signer_chain=[publisher.certificate.der],
    )
    return load_seal_status_list(data)


def _answer(row: Mapping[str, Any]) -> OCSPResponse:
    """``ocsp``: ``good``, ``unknown`` or the time of a revocation; said by a delegate of the signers' CA."""
    office, said = world.authority(), row["ocsp"]
    serial = person(recipe_of(row).signer).certificate.serial
    revoked = {} if said in ("good", "unknown") else {serial: Revoked(cases.time(said), "keyCompromise")}
    known = ListedStandings(frozenset() if said == "unknown" else frozenset({serial}), revoked)
    at = NOW - timedelta(hours=1)
    responder = OCSPResponder(office.issuing_ca.certificate, person("responder"), known, lambda: at)
    return load_ocsp(responder.answer(serial, algorithm=SM3))


def verify(form: str, row: dict[str, Any]) -> Report:
    """What our verifier says of ``row`` in ``form``."""
    store = cases.store(row)
    if "ocsp" in row:
        store = store.with_ocsp([_answer(row)])
    if "list" in row:
        store = store.changed(seal_lists=(_published(form, row),))
    seals = SealRegisterDouble(_history(form, row)) if "standing" in row and "list" not in row else None
    return Verifier(store, lambda: cases.time(row.get("now")), seals=seals).verify(build(form, row))
