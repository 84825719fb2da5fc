"""用证副本: the terms of a derived copy, and the words of its watermark, which follow from the terms (004 五(一)3(2)).

    request = CopyRequest("住房公积金中心", "提取住房公积金", until)
    terms = CopyTerms.of(request, Original("licence", …), "A", copy_id="c-…", made=…, by="演示省电子证照库", …)
    watermark_lines(terms)

A copy never changes the sealed original (T1). It is a document of its own: the face with what the holder masked, or
pictures of a material's pages, under a watermark; these terms as canonical JSON; and the copy seal over all of it. It
holds neither the original's file nor its data message, its salts, its seal or what was masked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cached_property
from typing import Any, Final
from unicodedata import normalize

from seal.message import DOC
from trust.algorithms import sm3
from trust.canonical import canonical_json
from trust.errors import LicenceTrustError, Malformed

SCHEMA: Final = "licence-trust/copy-terms/1"
COPY_ENTRY: Final = f"{DOC}/Attachs/copy.json"
"""OFD: the entry that holds the terms, an attachment of the document."""
COPY_FILE: Final = "copy.json"
"""PDF: the embedded file that holds the terms (``AFRelationship`` Data)."""
COPY_SEAL_KIND: Final = "copy"
"""证照副本专用章: the kind (``seal.kinds``) a seal must state to make a copy, and with which it makes nothing else."""

LEVELS: Final = ("A", "B", "C", "D")
MAX_TERMS: Final = 128 << 10
MAX_TEXT: Final = 100
"""Characters of recipient, purpose, service item and case: they are drawn across the page."""
MAX_USES: Final = 10_000
BAND: Final = 36.0
"""Millimetres at the foot of every page of a copy: the terms in full, and on the first page the copy seal."""
MASKED: Final = "＊＊＊＊＊＊"
"""What a masked field shows: always the same, so that not even a length is told."""

_BEIJING: Final = timezone(timedelta(hours=8))
_COPY_ID = re.compile(r"c-[0-9a-z]{16,40}")
_ITEM_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z.\-]{0,127}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_HEX32 = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_COUNT = re.compile(r"0|[1-9][0-9]{0,4}")
_INDEX = re.compile(r"|0|[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Original:
    """原件: what the copy was made of, told by its digest and never contained."""

    kind: str
    """``licence`` or ``material``."""
    id: str
    """Licence id (its version included) or material id."""
    sm3: str
    """Of the original's file, hex."""
    format: str
    """``ofd``, ``pdf``, ``png``, ``jpeg`` …"""
    title: str
    """证照名称 or what the material is called."""
    issuer: str = ""
    """颁证单位; a material of levels C and D may have none."""
    type_code: str = ""
    version: str = ""
    valid_to: str = ""
    """The original's last day; empty: long-term or not known."""
    status_list: str = ""
    """Address of the list that tells the original's state; only of a licence."""
    status_index: str = ""
    check_required: str = ""
    """``yes``: whoever takes the copy must see the original (every C, third-party reports of D)."""

    def check(self) -> None:
        """Raises ``Malformed("copy.terms")``."""
        if self.kind not in ("licence", "material") or not _ITEM_ID.fullmatch(self.id):
            raise _bad("original.id")
        if not _HEX64.fullmatch(self.sm3) or not re.fullmatch(r"[a-z0-9]{2,10}", self.format):
            raise _bad("original.sm3")
        for name in ("title", "issuer"):
            if not _is_line(getattr(self, name), 200):
                raise _bad(f"original.{name}")
        if not self.title or (self.kind == "licence" and not self.issuer):
            raise _bad("original.title")
        if not (_is_code(self.type_code) and _is_code(self.version)) or not _INDEX.fullmatch(self.status_index):
            raise _bad("original.type_code")
        if self.valid_to and _day(self.valid_to) is None:
            raise _bad("original.valid_to")
        if not _is_line(self.status_list, 500) or self.check_required not in ("", "yes"):
            raise _bad("original.status_list")

    @property
    def ends(self) -> datetime | None:
        """The moment from which the original is over, by its own last day (a Beijing day, included)."""
        last = _day(self.valid_to)
        return last + timedelta(days=1) if last else None


@dataclass(frozen=True, slots=True)
class ShownField:
    """照面字段 as the copy shows it."""

    name: str
    title: str
    text: str
    """``MASKED`` where the holder has masked it."""


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """用证授权: what somebody asks a copy for."""

    recipient: str
    purpose: str
    until: datetime
    service_item: str = ""
    case_number: str = ""
    uses: int = 0
    """0: not limited."""
    masked: tuple[str, ...] = ()


@dataclass(frozen=True)
class CopyTerms:
    """副本条款: sealed with the copy, shown on it, enforced by whoever verifies it."""

    copy_id: str
    original: Original
    level: str
    """可信等级 of the original when the copy was made."""
    recipient: str
    """Who may use it."""
    purpose: str
    made: datetime
    until: datetime
    """The moment from which it is over: the earlier of the copy's end and the original's (T2)."""
    by: str
    """Who made it: the common name of the copy seal's signer."""
    region: str
    nonce: str
    """128 bits, hex: keeps the digests in Signature.xml from confirming a guess at what is shown."""
    service_item: str = ""
    case_number: str = ""
    uses: int = 0
    """How many times it may be accepted; 0: not limited."""
    masked: tuple[str, ...] = ()
    face: tuple[ShownField, ...] = ()
    """What the face shows; empty for pictures of pages."""
    pages: tuple[str, ...] = ()
    """SM3 of each page picture, hex; empty for a face."""
    check_url: str = ""
    """Where somebody who holds the copy can ask about it."""
    demonstration: bool = False

    @classmethod
    def of(cls, request: CopyRequest, original: Original, level: str, **more: Any) -> CopyTerms:
        """The terms ``request`` leads to: texts brought to one spelling, the end cut to the original's (T2).

        ``more`` are the further fields. Raises ``Malformed("copy.terms")``, naming the field.
        """
        ends = original.ends
        until = request.until if ends is None else min(request.until, ends)
        terms = cls(
            original=original,
            level=level,
            recipient=plain(request.recipient),
            purpose=plain(request.purpose),
            service_item=plain(request.service_item),
            case_number=plain(request.case_number),
            until=until.astimezone(UTC).replace(microsecond=0),
            uses=request.uses,
            masked=tuple(dict.fromkeys(request.masked)),
            **more,
        )
        terms.check()
        return terms

    def check(self) -> None:
        """Raises ``Malformed("copy.terms")``, naming what is wrong."""
        if not _COPY_ID.fullmatch(self.copy_id) or not _HEX32.fullmatch(self.nonce):
            raise _bad("copy_id")
        self.original.check()
        self._check_use()
        self._check_period()
        for name in ("by", "region", "check_url"):
            if not _is_line(getattr(self, name), 300):
                raise _bad(name)
        if not self.by or not re.fullmatch(r"[0-9]{6}", self.region):
            raise _bad("region")
        self._check_shown()

    def _check_use(self) -> None:
        if self.level not in LEVELS or (self.level == "A") != (self.original.kind == "licence"):
            raise _bad("level")
        for name in ("recipient", "purpose", "service_item", "case_number"):
            text = getattr(self, name)
            if not _is_line(text, MAX_TEXT) or text != plain(text):
                raise _bad(name)
        if not self.recipient or not self.purpose:
            raise _bad("purpose" if self.recipient else "recipient")
        if not 0 <= self.uses <= MAX_USES:
            raise _bad("uses")

    def _check_period(self) -> None:
        ends = self.original.ends
        if self.made.tzinfo is None or self.until.tzinfo is None or self.made.microsecond or self.until.microsecond:
            raise _bad("made")
        if self.until <= self.made or (ends is not None and self.until > ends):
            raise _bad("until")

    def _check_shown(self) -> None:
        names = [shown.name for shown in self.face]
        if bool(self.face) == bool(self.pages) or len(set(names)) != len(names) or len(names) > 256:
            raise _bad("face")
        if bool(self.face) != (self.original.kind == "licence") or not all(map(_HEX64.fullmatch, self.pages)):
            raise _bad("pages")
        for shown in self.face:
            if not _NAME.fullmatch(shown.name) or not _is_text(shown.title) or not _is_text(shown.text):
                raise _bad("face")
        hidden = {shown.name for shown in self.face if shown.text == MASKED}
        if len(self.pages) > 200 or len(set(self.masked)) != len(self.masked) or not hidden >= set(self.masked):
            raise _bad("masked")

    def to_bytes(self) -> bytes:
        """Canonical JSON, as it stands in the file."""
        return self._encoded

    @cached_property
    def _encoded(self) -> bytes:
        return canonical_json(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Every value a string, a list or an object."""
        return {
            "schema": SCHEMA,
            "copy_id": self.copy_id,
            "nonce": self.nonce,
            "original": {field.name: getattr(self.original, field.name) for field in fields(Original)},
            "level": self.level,
            "recipient": self.recipient,
            "purpose": self.purpose,
            "service_item": self.service_item,
            "case_number": self.case_number,
            "made": _written(self.made),
            "until": _written(self.until),
            "uses": str(self.uses),
            "by": self.by,
            "region": self.region,
            "masked": list(self.masked),
            "face": [{"name": one.name, "title": one.title, "text": one.text} for one in self.face],
            "pages": list(self.pages),
            "check_url": self.check_url,
            "demonstration": "true" if self.demonstration else "false",
        }

    @classmethod
    def from_json(cls, value: Any) -> CopyTerms:
        """Read and checked. Raises ``Malformed("copy.terms")``."""
        try:
            terms = _read(value)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _bad(type(error).__name__) from error
        terms.check()
        if canonical_json(value) != terms.to_bytes():  # nothing besides, nothing spelt otherwise
            raise _bad("schema")
        return terms

    @property
    def last_day(self) -> date:
        """有效期至: the last Beijing day on which some of the term remains."""
        return (self.until - timedelta(seconds=1)).astimezone(_BEIJING).date()

    def shown(self, name: str) -> ShownField | None:
        """The face field called ``name``."""
        return next((one for one in self.face if one.name == name), None)


def parse_terms(data: bytes) -> CopyTerms:
    """The terms in the octets of ``copy.json``, which must be canonical: one spelling, one meaning.

    Raises ``Malformed("copy.terms")``.
    """
    if len(data) > MAX_TERMS:
        raise _bad("size")
    try:
        terms = CopyTerms.from_json(json.loads(data))
        same = terms.to_bytes() == data
    except (ValueError, RecursionError, LicenceTrustError) as error:
        if isinstance(error, Malformed) and error.code == "copy.terms":
            raise
        raise _bad("json") from error
    if not same:
        raise _bad("json")
    return terms


def watermark_lines(terms: CopyTerms) -> tuple[str, ...]:
    """信息加注: what is drawn across the page, first the words 004 五(一)3(2) gives for the level.

    ``×`` of the source is filled in: 发证机构, and year, month and day of the end.
    """
    day = terms.last_day
    until = f"有效期至{day.year}年{day.month}月{day.day}日"
    statement = {
        "A": f"此件由{terms.original.issuer}提供，仅供办理政务服务事项时使用，{until}",
        "B": f"此件经与原件核对无误，仅供办理政务服务事项时使用，{until}",
        "C": "此件由本用户按原件上传，请政务服务窗口人员受理时与原件核对",
        "D": "本用户对此材料的真实性负责",
    }[terms.level]
    use = f"仅供{terms.recipient}用于“{terms.purpose}”"
    if terms.service_item:
        use += f"，事项：{terms.service_item}"
    if terms.case_number:
        use += f"，办件：{terms.case_number}"
    limits = f"副本{terms.copy_id}，{until}" if terms.level in ("C", "D") else f"副本{terms.copy_id}"
    if terms.uses:
        limits += f"，限用{terms.uses}次"
    if terms.level != "C" and terms.original.check_required:
        limits += "，使用前须核对原件"
    return statement, use, limits


def band_lines(terms: CopyTerms) -> tuple[tuple[str, str], ...]:
    """``(field, words)`` of the band: the watermark's lines again, and what the copy was made of."""
    original = terms.original
    made = terms.made.astimezone(_BEIJING)
    kind = "证照标识" if original.kind == "licence" else "材料"
    lines = (
        *watermark_lines(terms),
        f"原件：{original.title}（可信等级{terms.level}），{kind}{original.id}，杂凑值（SM3）{original.sm3}",
        f"制作：{terms.by}，{made.year}年{made.month}月{made.day}日 {made:%H:%M:%S}；本件不是原件，逾期或他用无效",
    )
    return tuple((f"copy.{number}", line) for number, line in enumerate(lines, 1))


def derived_nonce(terms: CopyTerms, entry: str) -> str:
    """128 bits, hex, for another part of the file that depends on the holder: it follows from the terms' own."""
    return sm3(canonical_json(["nonce", terms.nonce, entry]))[:16].hex()


def plain(text: str) -> str:
    """One spelling of what people type: NFKC, blanks joined and cut off at the ends."""
    return " ".join(normalize("NFKC", text).split())


def same_text(stated: str, written: str) -> bool:
    """Do two texts say the same: width, case of letters and blanks aside?"""
    return _folded(stated) == _folded(written)


def _folded(text: str) -> str:
    return "".join(normalize("NFKC", text).casefold().split())


# ---------------------------------------------------------------- reading and writing single values


def _read(value: Mapping[str, Any]) -> CopyTerms:
    original = value["original"]
    if set(original) != {field.name for field in fields(Original)}:
        raise ValueError("original")
    if not all(isinstance(one, str) for one in original.values()) or not _COUNT.fullmatch(value["uses"]):
        raise ValueError("original")
    return CopyTerms(
        copy_id=value["copy_id"],
        original=Original(**original),
        level=value["level"],
        recipient=value["recipient"],
        purpose=value["purpose"],
        made=_moment(value["made"]),
        until=_moment(value["until"]),
        by=value["by"],
        region=value["region"],
        nonce=value["nonce"],
        service_item=value["service_item"],
        case_number=value["case_number"],
        uses=int(value["uses"]),
        masked=tuple(_strings(value["masked"])),
        face=tuple(ShownField(**one) for one in value["face"]),
        pages=tuple(_strings(value["pages"])),
        check_url=value["check_url"],
        demonstration=value["demonstration"] == "true",
    )


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("list")
    return value


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _day(text: str) -> datetime | None:
    """The beginning of a Beijing day; ``None`` for what is none."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), _BEIJING) if _DAY.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None


def _is_line(text: Any, limit: int) -> bool:
    return isinstance(text, str) and len(text) <= limit and (not text or text.isprintable())


def _is_code(text: str) -> bool:
    return len(text) <= 64 and (not text or (text.isascii() and text.isprintable()))


def _is_text(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= 16384 and text.replace("\n", "").replace("\u3000", "").isprintable()


def _bad(where: str) -> Malformed:
    return Malformed("copy.terms", "副本条款有误：{where}。", where=where)
