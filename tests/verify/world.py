"""One sealed licence of ours, and all it takes to make it again differently. Everything is in memory.

The document is drawn by the product (``licence_store.face``); its seal can be put on by the product's own
``Sealer`` or by ``seal_again``, which obeys no rule and so makes what no honest sealer makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources
from json import loads

from keys.authority import SEAL_MAKER, SIGNER, TSA
from keys.software import SoftwareSigner
from keys.timestamping import TimeStampAuthority
from licence_store.definitions import LicenceTypeDefinition, load_definition
from licence_store.face import PreparedFace, draw_face
from seal import ses
from seal.making import SealApplication, make_seal
from seal.message import DISCLOSURE_ROOT_OID, DataMessage, RequiredSeal
from seal.ofd.package import Entry, write_package
from seal.ofd.signatures import ListedSignature, StampAnnot, build_signature_xml, build_signatures_xml
from seal.ofd.unsigned import UnsignedOFD
from seal.sealing import Placement, Sealer, SealingMaterial
from tests.authority import DAY, MARKET, MOMENT, REGION_CODE, Authority, make_authority
from tests.seal.conftest import Drawn
from trust.algorithms import sm3
from trust.identifiers import LicenceId

NOW = MOMENT
SIGNED = MOMENT - timedelta(hours=2)
MADE = MOMENT - timedelta(hours=20)
SEAL_ID = "99000000000001"
SEAL_NAME = "演示省市场监督管理局电子印章"
STATUS_LIST = "https://example.test/api/v1/status-lists/1"
STATUS_INDEX = 7
SIGNATURES = "Doc_0/Signs/Signatures.xml"


@lru_cache(maxsize=4)
def definition(slug: str = "business-licence") -> LicenceTypeDefinition:
    """A type the product ships."""
    return load_definition(loads((resources.files("licence_store.types") / f"{slug}.json").read_bytes()))


@lru_cache(maxsize=1)
def authority() -> Authority:
    return make_authority()


def make_message(seals: Sequence[RequiredSeal] | None = None, **changes: str) -> DataMessage:
    """The data message of a synthetic licence that agrees with itself, but for ``changes`` of its metadata."""
    kind = definition()
    record = kind.validate_record(next(kind.example_records(1, seed=4)))
    holder = kind.holder_of(record)
    facts = {
        "licence_id": LicenceId(kind.code, MARKET, "2026000000017", 1).text,
        "licence_number": kind.number_rule.number(record),
        "version": "001",
        "type_code": kind.code,
        "type_name": kind.name,
        "issuer_name": "演示省市场监督管理局",
        "issuer_code": MARKET,
        "holder_name": holder.name,
        "holder_code": holder.code,
        "holder_code_type": holder.code_type,
        "issued_on": "2026-11-22",
        "valid_from": "2026-11-22",
        "valid_to": "",
        "region": REGION_CODE,
        "source": "演示省市场监督管理局",
        "repository": "演示省电子证照库",
        "credibility": "A",
        "demonstration": "true",
    }
    face = kind.face_values(record, {k: facts[k] for k in ("licence_number", "issuer_name", "issued_on")})
    required = [RequiredSeal(SEAL_ID, SEAL_NAME)] if seals is None else seals
    return DataMessage.create(facts | changes, face, required, status_list=STATUS_LIST, status_index=STATUS_INDEX)


def draw(message: DataMessage) -> UnsignedOFD:
    """The unsigned document of ``message``."""
    return draw_face(PreparedFace.of(definition(), True), message, "https://example.test/v/1")


@lru_cache(maxsize=1)
def unsigned() -> UnsignedOFD:
    return draw(make_message())


# ---------------------------------------------------------------- people and seals


@lru_cache(maxsize=32)
def person(name: str) -> SoftwareSigner:
    """Somebody with a key: the honest ones, and all the others the cases need."""
    office = authority()
    honest = {"department": office.department, "other": office.departments[1], "tsa": office.tsa,
              "maker": office.seal_maker, "publisher": office.publisher, "issuing-ca": office.issuing_ca}  # fmt: skip
    if name in honest:
        return honest[name]
    outsider = office.self_signed("来历不明的根")
    made = {
        "stranger": lambda: office.forge("演示省市场监督管理局", outsider),
        "namesake": lambda: office.issue("演示省市场监督管理局"),
        "stranger-maker": lambda: office.forge("演示省制章人（演示 DEMO）", outsider, SEAL_MAKER),
        "stranger-tsa": lambda: office.forge("演示省时间戳机构（演示 DEMO）", outsider, TSA),
        "expired": lambda: office.issue("演示省市场监督管理局", not_before=NOW - DAY, not_after=NOW - 3 * _HOUR),
        "short": lambda: office.issue("演示省市场监督管理局", not_before=NOW - DAY, not_after=NOW - _HOUR),
        "brief": lambda: office.issue("演示省市场监督管理局", not_before=NOW - DAY, not_after=NOW + DAY),
        "unborn": lambda: office.issue("演示省市场监督管理局", not_before=NOW - _HOUR, not_after=NOW + DAY),
        "expired-maker": lambda: office.issue(
            "制章人", SEAL_MAKER, ca="seal-ca", not_before=NOW - DAY, not_after=NOW - 21 * _HOUR
        ),
        "maker-by-signers": lambda: office.issue("制章人", SEAL_MAKER, ca="issuing-ca"),
        "tsa-as-signer": lambda: office.issue("演示省市场监督管理局", TSA, ca="time-ca"),
        "tsa-by-signers": lambda: office.issue("时间戳", TSA, ca="issuing-ca"),
        "encipherer": lambda: office.forge("演示省市场监督管理局", office.issuing_ca, _ENCIPHER),
        "critical": lambda: office.forge(
            "演示省市场监督管理局", office.issuing_ca,
            extensions=[{"extn_id": "2.25.1", "critical": True, "extn_value": b"\x05\x00"}],
        ),
    }  # fmt: skip
    return made[name]()


_HOUR = timedelta(hours=1)
_ENCIPHER = type(SIGNER)("encipher", frozenset({"key_encipherment"}))


@dataclass(frozen=True)
class SealRecipe:
    """How a seal is made; the defaults make the honest one."""

    maker: str = "maker"
    listed: str = "department"
    seal_id: str = SEAL_ID
    name: str = SEAL_NAME
    created: datetime = MADE
    valid_from: datetime = MADE
    valid_to: datetime = NOW + 300 * DAY
    list_digests: bool = False
    twist: str = ""
    """``broken``: another name after signing; ``algorithm``: RSA is stated; ``critical``: unknown extension;
    ``version``: header says 9; ``swapped dates``; ``raw``: r‖s instead of DER."""


@lru_cache(maxsize=64)
def make(recipe: SealRecipe) -> bytes:
    """The seal of ``recipe``, DER."""
    maker, listed = person(recipe.maker), person(recipe.listed).certificate
    if recipe == SealRecipe():
        application = SealApplication(SEAL_ID, SEAL_NAME, (listed,), recipe.valid_from, recipe.valid_to)
        return make_seal(application, maker, Drawn(), moment=MADE)
    begin, end = recipe.valid_from, recipe.valid_to
    if recipe.twist == "swapped dates":
        begin, end = end, begin
    drawn = Drawn()
    info = ses.build_seal_info(
        seal_id=recipe.seal_id,
        name=recipe.name,
        type=1,
        certificates=() if recipe.list_digests else (listed.der,),
        certificate_digests=(("SM3", sm3(listed.der)),) if recipe.list_digests else (),
        created=recipe.created,
        valid_from=begin,
        valid_to=end,
        picture=drawn.picture,
        width=42,
        height=42,
        extensions=(ses.Extension("2.25.1", True, b"\x05\x00"),) if recipe.twist == "critical" else (),
    )
    if recipe.twist == "version":
        info = info.replace(b"\x16\x02ES\x02\x01\x04", b"\x16\x02ES\x02\x01\x09")
    signature = maker.sign(info)
    if recipe.twist == "broken":
        info = info.replace("电子印章".encode(), "电子公章".encode())
    if recipe.twist == "raw":
        from trust.sm2 import der_to_raw

        signature = der_to_raw(signature)
    algorithm = "1.2.840.113549.1.1.11" if recipe.twist == "algorithm" else ses.SM2_WITH_SM3
    return ses.build_seal(info, maker.certificate.der, signature, algorithm=algorithm)


# ---------------------------------------------------------------- sealing


@lru_cache(maxsize=2)
def sealed(stamped: bool = True) -> bytes:
    """The licence, sealed by the product's own Sealer; with or without time stamp."""
    office = authority()
    sealer = Sealer(office.timestamper(SIGNED) if stamped else None, lambda: SIGNED)
    face = PreparedFace.of(definition(), True)
    material = SealingMaterial(make(SealRecipe()), office.department)
    return sealer.seal(unsigned(), material, [Placement(*face.placement(42, 42))]).data


@dataclass(frozen=True)
class SignatureRecipe:
    """How a seal signature is put on; the defaults make an honest one."""

    signer: str = "department"
    certificate: str = ""
    """Whose certificate is stated, if not the signer's."""
    seal: SealRecipe = field(default_factory=SealRecipe)
    user_id: bytes | None = None
    stamped_by: str = "tsa"
    """``""``: no time stamp."""
    stamp: str = ""
    """``other data``: the token is over something else; ``broken``: a bit of its signature flipped; ``junk``."""
    claimed: datetime = SIGNED
    proved: datetime = SIGNED
    drop: tuple[str, ...] = ()
    """Entries that get no reference."""
    keep: tuple[str, ...] | None = None
    """The only entries that get one."""
    twice: str = ""
    check_method: str | None = None
    property_info: str = ""
    tbs_version: int = 4
    root: str = "good"
    """Disclosure root in the TBS: ``good``, ``other`` or ``""``."""
    extension: str = ""
    raw: bool = False
    algorithm: str = ""
    seal_file: str = "same"
    """``same``, ``other`` (another seal's bytes) or ``""`` (no Seal.esl)."""
    folder: str = "Sign_0"
    listed_as: str = "Seal"


def seal_again(
    entries: Mapping[str, bytes], recipes: Sequence[SignatureRecipe], message: DataMessage | None = None
) -> dict[str, bytes]:
    """``entries`` (without signatures) with one signature per recipe; later ones cover earlier ones."""
    answer = dict(entries)
    listed = []
    for number, recipe in enumerate(recipes):
        recipe = recipe if number == 0 else _renumbered(recipe, number)
        folder = f"Doc_0/Signs/{recipe.folder}"
        answer |= _signature_entries(answer, recipe, folder, 2 * number + 2, message)
        listed.append(ListedSignature(f"s{2 * number + 1:03d}", recipe.listed_as, f"/{folder}/Signature.xml"))
    answer[SIGNATURES] = build_signatures_xml(listed, f"s{2 * len(listed):03d}")
    return answer


def _renumbered(recipe: SignatureRecipe, number: int) -> SignatureRecipe:
    from dataclasses import replace

    return replace(recipe, folder=f"Sign_{number}")


def _signature_entries(
    entries: Mapping[str, bytes], recipe: SignatureRecipe, folder: str, stamp: int, message: DataMessage | None
) -> dict[str, bytes]:
    seal_der = make(recipe.seal)
    added: dict[str, bytes] = {}
    if recipe.seal_file:
        other = make(SealRecipe(name="另一枚印章"))
        added[f"{folder}/Seal.esl"] = seal_der if recipe.seal_file == "same" else other
    xml = _signature_xml({**entries, **added}, recipe, folder, stamp)
    value = _signed_value(xml, seal_der, recipe, folder, message)
    return {**added, f"{folder}/Signature.xml": xml, f"{folder}/SignedValue.dat": value}


def _signature_xml(entries: Mapping[str, bytes], recipe: SignatureRecipe, folder: str, stamp: int) -> bytes:
    names = [n for n in entries if n not in recipe.drop and (recipe.keep is None or n in recipe.keep)]
    references = [(f"/{name}", sm3(entries[name])) for name in names]
    references += [r for r in references if r[0] == f"/{recipe.twice}"]
    xml = build_signature_xml(
        references,
        [StampAnnot(f"s{stamp:03d}", "1", (100, 100, 42, 42))],
        signed_at=recipe.claimed,
        signed_value_loc=f"/{folder}/SignedValue.dat",
        seal_loc=f"/{folder}/Seal.esl" if recipe.seal_file else "",
    )
    if recipe.check_method is not None:
        method = f'CheckMethod="{recipe.check_method}"' if recipe.check_method else ""
        xml = xml.replace(b'CheckMethod="1.2.156.10197.1.401"', method.encode())
    return xml


def _signed_value(
    xml: bytes, seal_der: bytes, recipe: SignatureRecipe, folder: str, message: DataMessage | None
) -> bytes:
    tbs = ses.build_tbs(
        seal_der,
        recipe.claimed,
        sm3(xml),
        recipe.property_info or f"/{folder}/Signature.xml",
        _extensions(recipe, message),
    )
    if recipe.tbs_version != 4:
        tbs = tbs.replace(b"\x02\x01\x04" + seal_der[:8], bytes((2, 1, recipe.tbs_version)) + seal_der[:8], 1)
    signer = person(recipe.signer)
    signature = signer.sign(tbs) if recipe.user_id is None else _sign_as(signer, tbs, recipe.user_id)
    if recipe.raw:
        from trust.sm2 import der_to_raw

        signature = der_to_raw(signature)
    certificate = person(recipe.certificate or recipe.signer).certificate.der
    return ses.build_signature(
        tbs, certificate, signature, _stamp(signature, recipe), algorithm=recipe.algorithm or ses.SM2_WITH_SM3
    )


def _sign_as(signer: SoftwareSigner, data: bytes, user_id: bytes) -> bytes:
    return signer.key.sign(data, user_id=user_id)


def _extensions(recipe: SignatureRecipe, message: DataMessage | None) -> list[ses.Extension]:
    extensions = []
    if recipe.root:
        root = bytes.fromhex((message or unsigned().message).disclosure_root)
        extensions.append(ses.Extension(DISCLOSURE_ROOT_OID, False, root if recipe.root == "good" else sm3(root)))
    if recipe.extension:
        extensions.append(ses.Extension(recipe.extension, True, b"\x05\x00"))
    return extensions


def _stamp(signature: bytes, recipe: SignatureRecipe) -> bytes | None:
    if not recipe.stamped_by:
        return None
    stamper = TimeStampAuthority(person(recipe.stamped_by), clock=lambda: recipe.proved)
    token = stamper.stamp(b"something else" if recipe.stamp == "other data" else signature)
    if recipe.stamp == "junk":
        return b"\x30\x03\x02\x01\x07"
    if recipe.stamp == "broken":
        token = token[:-1] + bytes((token[-1] ^ 1,))
    return token


def pack(entries: Mapping[str, bytes]) -> bytes:
    """The OFD file of ``entries``, by the product's own writer."""
    return write_package([Entry.of(name, data, level=1) for name, data in entries.items()])


def plain_entries() -> dict[str, bytes]:
    """The unsigned document's entries."""
    return {entry.name: entry.data for entry in unsigned().entries}
