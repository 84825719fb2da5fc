"""数据电文: the licence's data inside the sealed file, which sealing writes and verifying reads.

One canonical JSON object (RFC 8785, every value a string, NFC) holds the metadata (GB/T 36903), all face
fields (照面), the seals the type requires and where its status is published. A second entry holds only
``SM3(JCS[salt, name, value])`` per face field, and the root over these digests also stands in the SES
signature's extensions, so that some fields can later be shown, and checked under the same seal, without
the others. Formats of field values are listed in ``FORMATS``. A message that also says which file it follows,
or of which case it is the result, is of the second schema (``seal.provenance``).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any
from unicodedata import normalize

from seal.provenance import CaseLink, Lineage
from trust.algorithms import SM3, sm3
from trust.canonical import canonical_json
from trust.errors import Malformed

SCHEMA = "licence-trust/data-message/1"
SCHEMA_2 = "licence-trust/data-message/2"
"""With ``lineage``, ``case`` or both; a message with neither is of the first schema."""
DOC = "Doc_0"
MESSAGE_ENTRY = "Doc_0/Attachs/licence.json"
DIGESTS_ENTRY = "Doc_0/Attachs/digests.json"
TAG_ENTRY = "Doc_0/Tags/Tag_Licence.xml"
DISCLOSURE_ROOT_OID = "2.25.298585525279903674072032729831816559599"
"""The TBS extension that carries the disclosure root (``docs/oids.md``)."""

MAX_MESSAGE_SIZE = 512 << 10
MAX_FACE_FIELDS = 256
MAX_SEALS = 16
MAX_VALUE_LENGTH = 16384
MAX_TITLE_LENGTH = 256

METADATA_KEYS = (
    "licence_id", "licence_number", "version", "type_code", "type_name", "issuer_name", "issuer_code",
    "holder_name", "holder_code", "holder_code_type", "issued_on", "valid_from", "valid_to", "region",
    "source", "repository", "credibility", "demonstration",
)  # fmt: skip
"""Every one is always present; ``valid_to`` "" means long-term, ``demonstration`` is "true" or "false"."""

CUSTOM_DATA_NAMES = {
    "type_name": "ZZMC",
    "type_code": "ZZLXDM",
    "licence_number": "ZZBH",
    "licence_id": "ZZBS",
    "version": "ZZBB",
    "issuer_name": "ZZBFJG",
    "issuer_code": "ZZBFJGDM",
    "issued_on": "ZZBFRQ",
    "holder_name": "CZZT",
    "holder_code": "CZZTDM",
    "holder_code_type": "CZZTDMLXDM",
    "valid_from": "ZZYXQQSRQ",
    "valid_to": "ZZYXQJZRQ",
    "region": "XZQHDM",
    "source": "ZZLY",
    "repository": "ZZK",
    "credibility": "KXDJ",
    "demonstration": "YSBZ",
}
"""Metadata → CustomData/@Name: the short names of products citing GB/T 36903; the last six and ZZBB are ours."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ufffe\uffff]")
"""Control characters: XML cannot hold them and a face cannot show them. Only the line feed may stand in a value."""
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


# ---------------------------------------------------------------- formats


def _date(value: str) -> str:
    if not _DAY.fullmatch(value):
        raise ValueError(value)
    day = date.fromisoformat(value)
    return f"{day.year}年{day.month:02d}月{day.day:02d}日"


def _date_range(value: str) -> str:
    start, _, end = value.partition("/")
    return f"自{_date(start)}至{_date(end) if end else '长期'}"


def _long_term(value: str) -> str:
    return _date(value) if value else "长期"


def _year_month(value: str) -> str:
    if not _DAY.fullmatch(f"{value}-01"):
        raise ValueError(value)
    day = date.fromisoformat(f"{value}-01")
    return f"{day.year}年{day.month:02d}月"


def _number(value: str) -> str:
    if not re.fullmatch(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,6})?", value):
        raise ValueError(value)
    return value


_DIGITS = "零壹贰叁肆伍陆柒捌玖"


def _capital_group(group: int) -> str:
    """0-9999 in capital numerals, inner zeros once."""
    text, zero = "", False
    for weight, unit in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
        digit = group // weight % 10
        if digit:
            text += ("零" if zero and text else "") + _DIGITS[digit] + unit
        zero = digit == 0
    return text


def _amount(value: str) -> str:
    """人民币大写: ``1000000`` → 壹佰万元整, ``1200.50`` → 壹仟贰佰元伍角整."""
    whole, _, fraction = _number(value).partition(".")
    if value.startswith("-") or len(whole) > 16 or len(fraction) > 2:
        raise ValueError(value)
    text, gap = "", False
    number = int(whole)
    for weight, unit in ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"), (1, "")):
        group = number // weight % 10**4
        if group:
            text += ("零" if text and (gap or group < 1000) else "") + _capital_group(group) + unit
        gap = group == 0 or group % 10 == 0
    jiao, fen = int(fraction[:1] or "0"), int(fraction[1:2] or "0")
    tail = f"{_DIGITS[jiao]}角" if jiao else "零" if fen and text else ""
    tail += f"{_DIGITS[fen]}分" if fen else "整"
    if not text and not (jiao or fen):
        text = "零"
    return (f"{text}元" if text else "") + tail


FORMATS: dict[str, Callable[[str], str]] = {
    "text": str,
    "multiline": str,
    "date": _date,
    "date_range": _date_range,
    "long_term": _long_term,
    "year_month": _year_month,
    "number": _number,
    "amount": _amount,
}
"""How a value is shown on the face.

``text`` and ``multiline`` as they are; ``date`` YYYY-MM-DD → 2026年11月22日; ``date_range`` A/B → 自…至…
(B empty: 至长期); ``long_term`` a date, or "" → 长期; ``year_month`` YYYY-MM → 2026年11月; ``number`` a
plain decimal; ``amount`` yuan → 人民币大写. All but the texts may not be empty, ``long_term`` excepted.
"""


def render_value(value: str, format: str) -> str:
    """照面文字: ``value`` as the face shows it.

    An empty value shows nothing (but ``long_term``). Raises ``Malformed("message.format")`` for an unknown
    format and ``Malformed("message.value")`` for a value that does not fit it.
    """
    show = FORMATS.get(format)
    if show is None:
        raise Malformed("message.format", "未知的字段格式“{format}”。", format=format[:64])
    if not value and format != "long_term":
        return ""
    try:
        return show(value)
    except (ValueError, OverflowError):
        raise Malformed(
            "message.value", "字段值“{value}”不符合格式“{format}”。", value=value[:64], format=format
        ) from None


# ---------------------------------------------------------------- the message


@dataclass(frozen=True, slots=True)
class FaceValue:
    """照面字段: one field of the face."""

    name: str
    """``a-z0-9_``."""
    title: str
    """Chinese title as the face shows it."""
    value: str
    format: str = "text"
    """One of ``FORMATS``."""
    salt: str = ""
    """128 bits, hex."""

    @property
    def text(self) -> str:
        """The value as the face shows it."""
        return render_value(self.value, self.format)


@dataclass(frozen=True, slots=True)
class RequiredSeal:
    """A seal the licence type requires; a file without it does not pass."""

    id: str
    """esID of the seal."""
    name: str


@dataclass(frozen=True)
class DataMessage:
    """数据电文 of one version of one licence."""

    nonce: str
    """128 bits, hex: keeps the digests in Signature.xml from confirming a guess."""
    metadata: Mapping[str, str]
    """Exactly ``METADATA_KEYS``."""
    face: tuple[FaceValue, ...]
    seals: tuple[RequiredSeal, ...] = ()
    status_list: str = ""
    """Address of the published status list."""
    status_index: str = ""
    """Index in it, decimal."""
    disclosure_root: str = ""
    """Hex; what ``disclosure_root`` gives for ``digests`` of a message made by us."""
    lineage: Lineage | None = None
    """The file this one follows."""
    case: CaseLink | None = None
    """The case it is the result of."""

    @classmethod
    def create(
        cls,
        metadata: Mapping[str, str],
        face: Iterable[FaceValue],
        seals: Iterable[RequiredSeal] = (),
        *,
        status_list: str = "",
        status_index: str | int = "",
        nonce: str | None = None,
        lineage: Lineage | None = None,
        case: CaseLink | None = None,
    ) -> DataMessage:
        """A new message with fresh nonce, salts where none are given, and its disclosure root.

        Raises ``Malformed("message.…")`` where ``parse_message`` would refuse the result.
        """
        salted = tuple(FaceValue(f.name, _nfc(f.title), _nfc(f.value), f.format, f.salt or new_nonce()) for f in face)
        digests = _field_digests(salted)
        root = disclosure_root(digests.values()).hex()
        normal = {key: _nfc(value) for key, value in metadata.items()}
        message = cls(
            nonce or new_nonce(), normal, salted, tuple(seals), status_list, str(status_index), root, lineage, case
        )
        _check(message)
        message.__dict__["digests"] = digests  # fills the cached property: they were needed for the root
        return message

    def to_bytes(self) -> bytes:
        """Canonical JSON, computed once."""
        return self._encoded

    @cached_property
    def _encoded(self) -> bytes:
        more = {name: part.to_json() for name, part in (("lineage", self.lineage), ("case", self.case)) if part}
        return canonical_json(
            {
                "schema": SCHEMA_2 if more else SCHEMA,
                "nonce": self.nonce,
                "metadata": dict(self.metadata),
                "face": [
                    {"name": f.name, "title": f.title, "value": f.value, "format": f.format, "salt": f.salt}
                    for f in self.face
                ],
                "seals": [{"id": seal.id, "name": seal.name} for seal in self.seals],
                "status": {"list": self.status_list, "index": self.status_index},
                "disclosure": {"algorithm": SM3, "entry": f"/{DIGESTS_ENTRY}", "root": self.disclosure_root},
                **more,
            }
        )

    @cached_property
    def digests(self) -> Mapping[str, bytes]:
        """Field name → ``field_digest``, recomputed from salts, names and values."""
        return _field_digests(self.face)

    @property
    def licence_id(self) -> str:
        return self.metadata["licence_id"]

    @property
    def demonstration(self) -> bool:
        """Whether this is a demonstration issue (样本)."""
        return self.metadata["demonstration"] == "true"

    def face_value(self, name: str) -> FaceValue | None:
        """The face field called ``name``, or None."""
        return next((f for f in self.face if f.name == name), None)


def _nfc(text: str) -> str:
    return text if text.isascii() else normalize("NFC", text)


def new_nonce() -> str:
    """128 random bits, hex."""
    return secrets.token_hex(16)


def derived_nonce(message: DataMessage, entry: str) -> str:
    """A 128-bit nonce for another covered entry: it follows from the message's, and does not reveal it.

    ``digests.json`` may be shown to people who must not see the data message, so no two entries share one.
    """
    return sm3(canonical_json(["nonce", message.nonce, entry]))[:16].hex()


# ---------------------------------------------------------------- selective disclosure


def field_digest(salt: str, name: str, value: str) -> bytes:
    """``SM3(JCS[salt, name, value])``, 32 bytes."""
    return sm3(canonical_json([salt, name, value]))


def _field_digests(face: Iterable[FaceValue]) -> dict[str, bytes]:
    return {f.name: field_digest(f.salt, f.name, f.value) for f in face}


def disclosure_entry(message: DataMessage) -> bytes:
    """The content of ``DIGESTS_ENTRY``: algorithm, nonce of its own, and the digest of each face field."""
    return canonical_json(
        {
            "algorithm": SM3,
            "digests": {name: digest.hex() for name, digest in message.digests.items()},
            "nonce": derived_nonce(message, DIGESTS_ENTRY),
        }
    )


def parse_disclosure_entry(data: bytes) -> dict[str, bytes]:
    """Field name → digest of a ``DIGESTS_ENTRY``. Raises ``Malformed("message.digests")``."""
    refusal = Malformed("message.digests", "字段摘要文件无法读取或不是规范形式。")
    try:
        content = json.loads(data) if len(data) <= MAX_MESSAGE_SIZE else None
        if not isinstance(content, dict) or set(content) != {"algorithm", "digests", "nonce"}:
            raise refusal
        digests = {str(name): bytes.fromhex(text) for name, text in content["digests"].items()}
        canonical = canonical_json(content)
    except (ValueError, TypeError, AttributeError, RecursionError, Malformed):
        raise refusal from None
    sound = all(len(digest) == 32 for digest in digests.values()) and content["algorithm"] == SM3
    if canonical != data or not sound:
        raise refusal
    return digests


def disclosure_root(digests: Iterable[bytes]) -> bytes:
    """The SM3 Merkle tree head over the sorted ``digests`` (tree shape and prefixes of RFC 6962, 2.1)."""
    return _tree_head([sm3(b"\x00" + digest) for digest in sorted(digests)])


def _tree_head(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sm3(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sm3(b"\x01" + _tree_head(leaves[:split]) + _tree_head(leaves[split:]))


# ---------------------------------------------------------------- OFD CustomDatas


def custom_datas(message: DataMessage) -> list[tuple[str, str]]:
    """DocInfo/CustomDatas (GB/T 33190, 7.4): ``(name, text)`` of metadata, face fields (``KZ_<name>``) and a nonce."""
    pairs = [(short, message.metadata[key]) for key, short in CUSTOM_DATA_NAMES.items()]
    pairs += [(f"KZ_{f.name}", f.value) for f in message.face]
    pairs.append(("nonce", derived_nonce(message, "OFD.xml")))
    return pairs


# ---------------------------------------------------------------- reading


def parse_message(data: bytes) -> DataMessage:
    """打开数据电文: the message in ``data``, whose bytes must be canonical.

    Raises ``Malformed``: ``message.not_json``, ``message.schema``, ``message.field``, ``message.size``,
    ``message.not_canonical``. Whether the disclosure root fits the face is not judged here.
    """
    if len(data) > MAX_MESSAGE_SIZE:
        raise Malformed("message.size", "数据电文过大：{size} 字节。", size=len(data))
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed("message.not_json", "数据电文不是有效的 JSON。") from None
    message = _read(content)
    _check(message)
    try:
        canonical = message.to_bytes()
    except (ValueError, TypeError):
        raise _bad("message") from None
    if canonical != data:
        raise Malformed("message.not_canonical", "数据电文不是规范形式（RFC 8785），不同软件可能读出不同内容。")
    return message


def _bad(where: str) -> Malformed:
    return Malformed("message.field", "数据电文的“{field}”缺失、多余或无效。", field=where)


def _object(value: Any, keys: Iterable[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(keys):
        raise _bad(where)
    return value


def _strings(value: Any, keys: Iterable[str], where: str) -> dict[str, str]:
    content = _object(value, keys, where)
    for key, item in content.items():
        if not isinstance(item, str):
            raise _bad(f"{where}.{key}")
    return content


def _list(value: Any, limit: int, where: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > limit:
        raise _bad(where)
    return value


def _read(content: Any) -> DataMessage:
    if isinstance(content, dict) and content.get("schema") not in (SCHEMA, SCHEMA_2):
        raise Malformed("message.schema", "未知的数据电文版本：{schema}。", schema=str(content.get("schema"))[:64])
    keys = ["schema", "nonce", "metadata", "face", "seals", "status", "disclosure"]
    if isinstance(content, dict) and content["schema"] == SCHEMA_2:
        more = [name for name in ("lineage", "case") if name in content]
        keys += more or ["lineage"]
    content = _object(content, keys, "message")
    face = [_strings(f, FaceValue.__slots__, "face") for f in _list(content["face"], MAX_FACE_FIELDS, "face")]
    seals = [_strings(s, ("id", "name"), "seals") for s in _list(content["seals"], MAX_SEALS, "seals")]
    status = _strings(content["status"], ("list", "index"), "status")
    disclosure = _strings(content["disclosure"], ("algorithm", "entry", "root"), "disclosure")
    if disclosure["algorithm"] != SM3 or disclosure["entry"] != f"/{DIGESTS_ENTRY}":
        raise _bad("disclosure")
    if not isinstance(content["nonce"], str):
        raise _bad("nonce")
    return DataMessage(
        content["nonce"],
        _strings(content["metadata"], METADATA_KEYS, "metadata"),
        tuple(FaceValue(**f) for f in face),
        tuple(RequiredSeal(s["id"], s["name"]) for s in seals),
        status["list"],
        status["index"],
        disclosure["root"],
        Lineage.from_json(content["lineage"], "lineage") if "lineage" in content else None,
        CaseLink.from_json(content["case"], "case") if "case" in content else None,
    )


def _check(message: DataMessage) -> None:
    """Shapes and bounds of every value; the same for what we write and what we read."""
    if not _HEX32.fullmatch(message.nonce):
        raise _bad("nonce")
    if set(message.metadata) != set(METADATA_KEYS):
        raise _bad("metadata")
    for key, value in message.metadata.items():
        if len(value) > MAX_TITLE_LENGTH * 4 or _UNPRINTABLE.search(value):
            raise _bad(f"metadata.{key}")
    if message.metadata["demonstration"] not in ("true", "false") or not message.metadata["licence_id"]:
        raise _bad("metadata")
    _check_face(message.face)
    if any(not seal.id or len(seal.id) > MAX_TITLE_LENGTH for seal in message.seals):
        raise _bad("seals")
    if len(message.status_list) > 2048 or (message.status_index and not _INDEX.fullmatch(message.status_index)):
        raise _bad("status")
    if not _HEX64.fullmatch(message.disclosure_root):
        raise _bad("disclosure.root")
    for part in (message.lineage, message.case):
        if part is not None:
            part.check()


def _check_face(face: tuple[FaceValue, ...]) -> None:
    names: set[str] = set()
    for value in face:
        if not _NAME.fullmatch(value.name) or value.name in names:
            raise _bad("face.name")
        names.add(value.name)
        if not _HEX32.fullmatch(value.salt) or value.format not in FORMATS:
            raise _bad(f"face.{value.name}")
        if len(value.title) > MAX_TITLE_LENGTH or len(value.value) > MAX_VALUE_LENGTH:
            raise _bad(f"face.{value.name}")
        if _UNPRINTABLE.search(value.title) or _UNPRINTABLE.search(value.value):
            raise _bad(f"face.{value.name}")
