"""图文识别 (R024): what a program thinks stands on a scan. A suggestion, never a fact: a person confirms each field.

Any recogniser may be put in (``Recogniser``). Shipped are the data and text a PDF or OFD carries itself, which needs no
other program, and the ``tesseract`` command where it is installed, run with little time and memory.

    suggestions = suggest(default_recognisers(), scan, definition)
    suggestions["credit_code"].value, suggestions["credit_code"].source
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from licence_store.collection import confined
from licence_store.collection.scans import OFD, Scan, page_lines, page_picture
from licence_store.definitions import LicenceTypeDefinition
from seal.message import MESSAGE_ENTRY, parse_message
from seal.ofd.package import Limits, open_package
from trust.errors import LicenceTrustError
from trust.i18n import N_

_MOST_PAGES = 4
"""Pages looked at; a face has rarely more."""
_MOST_LINES = 2000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """识别建议 for one field, unverified."""

    value: str
    source: str
    """Which recogniser said so, in words for a person."""


class Recogniser(Protocol):
    """图文识别: reads fields off a scan; knows nothing of what becomes of its answer."""

    @property
    def title(self) -> str:
        """In words for a person (Chinese, of the catalogue of messages)."""

    def recognise(self, scan: Scan, definition: LicenceTypeDefinition) -> Mapping[str, str]:
        """Field → value as it may stand in a record. Never raises: what cannot be read is left out."""


def suggest(
    recognisers: Sequence[Recogniser], scan: Scan, definition: LicenceTypeDefinition
) -> dict[str, Suggestion]:
    """The first recogniser that has an answer for a field is asked no better; values that cannot be are left out."""
    found: dict[str, Suggestion] = {}
    for one in recognisers:
        for name, value in one.recognise(scan, definition).items():
            normal = normal_value(definition, name, value)
            if normal and name not in found:
                found[name] = Suggestion(normal, one.title)
    return found


def default_recognisers(command: str = "tesseract") -> tuple[Recogniser, ...]:
    """What this machine has."""
    built_in: tuple[Recogniser, ...] = (SealedData(), TextLayer())
    return (*built_in, Tesseract(command)) if shutil.which(command) else built_in


@dataclass(frozen=True, slots=True)
class SealedData:
    """数据电文 of an OFD that another of our registers issued, where the fields have the same names."""

    title: str = N_("文件内的数据电文")

    def recognise(self, scan: Scan, definition: LicenceTypeDefinition) -> Mapping[str, str]:
        if scan.media != OFD:
            return {}
        try:
            entries = open_package(scan.data, Limits()).entries
            message = parse_message(entries[MESSAGE_ENTRY])
        except (LicenceTrustError, KeyError):
            return {}
        return {value.name: value.value for value in message.face if value.name in definition.schema["properties"]}


@dataclass(frozen=True, slots=True)
class TextLayer:
    """文字层 of a PDF or OFD."""

    title: str = N_("文件内的文字")

    def recognise(self, scan: Scan, definition: LicenceTypeDefinition) -> Mapping[str, str]:
        lines = [line for page in range(1, min(scan.pages, _MOST_PAGES) + 1) for line in page_lines(scan, page)]
        return match_fields(definition, lines)


@dataclass(frozen=True, slots=True)
class Tesseract:
    """``tesseract``, a program of its own, on the picture of each page."""

    command: str = "tesseract"
    languages: str = "chi_sim+eng"
    title: str = N_("图像识别（tesseract）")

    def recognise(self, scan: Scan, definition: LicenceTypeDefinition) -> Mapping[str, str]:
        lines: list[str] = []
        for page in range(1, min(scan.pages, _MOST_PAGES) + 1):
            try:
                picture = page_picture(scan, page, side=3000)
                command = [self.command, "stdin", "stdout", "-l", self.languages, "--psm", "6"]
                text = confined.run(command, picture, seconds=60).decode("utf-8", "replace")
            except (confined.ConfinedFailure, LicenceTrustError):
                continue
            lines += [_BETWEEN_HAN.sub("", line) for line in text.splitlines()]
        return match_fields(definition, lines)


# ---------------------------------------------------------------- from lines to fields

_BETWEEN_HAN = re.compile(r"(?<=[\u3400-\u9fff：，。、（）]) +(?=[\u3400-\u9fff：，。、（）])")
_DATE = r"(\d{4})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})\s*日?"
_CODES = {"credit_code": r"[0-9A-HJ-NPQRTUWXY]{18}", "citizen_number": r"[0-9]{17}[0-9X]"}


def match_fields(definition: LicenceTypeDefinition, lines: Sequence[str]) -> dict[str, str]:
    """Values that stand behind the titles of the type's fields, or have the form of one of its identifiers."""
    text = "\n".join(line.strip() for line in lines[:_MOST_LINES] if line.strip())
    found = dict(_behind_titles(definition, text))
    for name, prop in definition.schema["properties"].items():
        pattern = _CODES.get(prop.get("x-check", ""))
        if pattern and not normal_value(definition, name, found.get(name, "")):
            codes = re.findall(rf"(?<![0-9A-Z]){pattern}(?![0-9A-Z])", text.upper())
            sound = [code for code in codes if normal_value(definition, name, code)]
            found.pop(name, None)
            if sound:
                found[name] = sound[0]
    return found


def _behind_titles(definition: LicenceTypeDefinition, text: str) -> Iterator[tuple[str, str]]:
    """What stands between a field's title and the next title or the end of the line."""
    titles = {field.name: field.title for field in definition.fields}
    titles |= {name: prop["title"] for name, prop in definition.schema["properties"].items()}
    spelt = {name: r"\s*".join(map(re.escape, "".join(title.split()))) for name, title in titles.items()}
    longest_first = sorted(spelt.items(), key=lambda pair: -len(pair[1]))
    label = re.compile("|".join(rf"(?P<{name}>{pattern})" for name, pattern in longest_first))
    marks = [m for m in label.finditer(text) if m.start() == 0 or not _inside_word(text, m)]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=False):
        rest = text[mark.end() : end]
        value = rest.strip(" :：\n\t").partition("\n")[0].strip(" :：\t")
        name = str(mark.lastgroup)
        if value and name in definition.schema["properties"]:
            yield name, value


def _inside_word(text: str, mark: re.Match[str]) -> bool:
    """A title in the middle of a sentence is none: it begins a line or follows a blank, and is not followed by 的."""
    return not text[mark.start() - 1].isspace() or text[mark.end() : mark.end() + 1] in ("的", "、", "，")


def normal_value(definition: LicenceTypeDefinition, name: str, value: str) -> str:
    """The value as a record may hold it; empty: it cannot be this field's."""
    prop = definition.schema["properties"].get(name)
    text = unicodedata.normalize("NFC", value).strip()
    if prop is None or not text:
        return ""
    for candidate in (text, *_readings(prop, text)):
        if _fits(definition, name, candidate):
            return candidate
    return ""


def _fits(definition: LicenceTypeDefinition, name: str, value: str) -> bool:
    """May this value stand in a record? Asked with a sound record around it."""
    try:
        definition.validate_record({**next(definition.example_records(1)), name: value})
    except LicenceTrustError as error:
        return error.code == "record.disagrees"  # with another field, which is not read yet
    return True


def _readings(prop: Mapping[str, Any], text: str) -> Iterator[str]:
    """Other ways to write what was read: dates as ISO dates, a word of a list out of its line, digits half width."""
    dates = ["-".join((y, m.zfill(2), d.zfill(2))) for y, m, d in re.findall(_DATE, text)]
    form = prop.get("x-format", "text")
    if form == "date_range" and dates:
        yield f"{dates[0]}/{dates[1] if len(dates) > 1 else ''}"
    elif dates:
        yield dates[0]
        yield dates[0][:7]
    for word in prop.get("enum", ()):
        if str(word) in text:
            yield str(word)
    narrow = unicodedata.normalize("NFKC", text)
    yield narrow
    yield re.sub(r"\s", "", narrow).upper()
    number = re.sub(r"[,，\s元整]|人民币", "", narrow)
    if "万" in number and re.fullmatch(r"[0-9.]+万", number):
        yield f"{float(number[:-1]) * 10000:.2f}".rstrip("0").rstrip(".")
    yield number
