"""文件构成: which entries of the package does the document name, and as what (GB/T 33190-2016, clauses 7, 14-20)?

Whatever is named can be seen or read and must be covered by a signature; whatever is not named has no
business in the package. What an XML entry names depends on its bytes alone, so the answer is kept by
digest: the entries that every licence of a type shares are read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from seal.ofd.package import directory_of, local_name, resolve, text_of
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from verify.report import Indication

ROOT = "OFD.xml"
"""主入口 (GB/T 33190, 7.4)."""

_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "OFD": {"DocRoot": "document", "Signatures": "signatures", "Cover": "media"},
        "DocVersion": {"DocRoot": "document", "File": "version file"},
        "Document": {
            "PublicRes": "resources",
            "DocumentRes": "resources",
            "Annotations": "annotations",
            "CustomTags": "tags",
            "Attachments": "attachments",
            "Extensions": "extensions",
        },
        "Page": {"PageRes": "resources"},
        "Res": {"FontFile": "font", "MediaFile": "media"},
        "Annotations": {"FileLoc": "annotation"},
        "Attachments": {"FileLoc": "attachment"},
        "CustomTags": {"FileLoc": "tag", "SchemaLoc": "schema"},
        "Extensions": {"ExtendData": "extension"},
    }
)
"""Root element → elements whose text is a location (ST_Loc) → the role of what they name."""

_ATTRIBUTES: Mapping[str, Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        "OFD": {("Version", "BaseLoc"): "version"},
        "Document": {("TemplatePage", "BaseLoc"): "template", ("Page", "BaseLoc"): "page"},
        "Res": {("ColorSpace", "Profile"): "profile"},
    }
)

_WALKED = frozenset(
    {"document", "version", "resources", "page", "template", "annotations", "annotation", "attachments", "tags",
     "extensions"}
)  # fmt: skip
"""Roles whose entries are XML that may name further entries."""

_ACTIVE = frozenset({"Action", "Actions"})
_DRAWN = frozenset({"document", "page", "template"})
"""Without these there is nothing to look at."""
_MAX_STEPS = 5000


@dataclass(frozen=True, slots=True)
class Naming:
    """What one XML entry says: the locations it names, and oddities worth telling."""

    named: tuple[tuple[str, str], ...]
    """``(role, location as written)``."""
    base: str = ""
    """Res/@BaseLoc: the folder its files are in."""
    actions: int = 0
    """动作: elements that make a reader do something (open, jump, play)."""
    hidden: int = 0
    """Annotations with Visible="false"."""
    bodies: int = 0
    """DocBody elements (OFD.xml only)."""
    versions: int = 0
    """Version elements (OFD.xml only)."""


@dataclass(slots=True)
class Contents:
    """文件构成, as the entries themselves tell it."""

    named: dict[str, str] = field(default_factory=dict)
    """Entry name → role, in the order of the walk; entries that do not exist included."""
    faults: list[CheckFailed] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Named, not there, and not needed to draw the document."""
    bodies: int = 0
    versions: int = 0
    actions: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def of_role(self, role: str) -> list[str]:
        """Names of the entries that play ``role``."""
        return [name for name, what in self.named.items() if what == role]


class Files(Protocol):
    """What the walk needs of a package: ``verify.opening.Entries``."""

    def get(self, name: str) -> bytes | None: ...

    def digest(self, name: str) -> bytes: ...

    def weigh_entry(self, name: str) -> None: ...

    def xml(self, name: str) -> Any: ...


def read_contents(files: Files) -> Contents:
    """Walk from OFD.xml to everything that is named. Never raises: what cannot be read is a fault."""
    contents = Contents({ROOT: "root"})
    pending = [ROOT]
    for _step in range(_MAX_STEPS):
        if not pending:
            return contents
        name = pending.pop(0)
        if files.get(name) is None:
            _note_missing(contents, name)
            continue
        for role, target in _named_by(contents, name, files):
            if contents.named.get(target) in (None, "signatures") and contents.named.get(target) != role:
                contents.named[target] = role
                if role in _WALKED:
                    pending.append(target)
                elif files.get(target) is None and role != "signatures":
                    contents.missing.append(target)
    contents.faults.append(_fault("format.too_large", N_("文件构成过于庞大，无法逐一核验。")))
    return contents


def _note_missing(contents: Contents, name: str) -> None:
    role = contents.named[name]
    if name == ROOT:
        fault = _fault("format.not_ofd", N_("包内没有 OFD.xml，不是 OFD 版式文件。"))
    elif role in _DRAWN:
        fault = _fault("format.missing_entry", N_("文件声明的“{name}”不存在，无法呈现。"), name=name)
    else:
        contents.missing.append(name)
        return
    contents.faults.append(fault)


def _named_by(contents: Contents, name: str, files: Files) -> Iterator[tuple[str, str]]:
    """``(role, entry name)`` of everything the entry ``name`` names."""
    try:
        files.weigh_entry(name)
        naming = _naming(_Keyed(name, files))
    except Malformed as error:
        contents.faults.append(_fault(error.code, N_("“{name}”无法读取：{detail}"), name=name, detail=error))
        return
    contents.bodies += naming.bodies
    contents.versions += naming.versions
    if naming.actions:
        contents.actions.append(name)
    if naming.hidden:
        contents.hidden.append(name)
    folder = directory_of(name)
    for role, location in naming.named:
        try:
            base = _folder(folder, naming.base) if role in ("font", "media", "profile") else folder
            yield role, resolve(base, location)
        except Malformed as error:
            fault = _fault("format.path", N_("“{name}”中的路径无效：{detail}"), name=name, detail=error)
            contents.faults.append(fault)


def _folder(folder: str, base: str) -> str:
    return resolve(folder, base) if base.strip("./ ") else folder


class _Keyed:
    """An entry, equal to every other of the same bytes."""

    __slots__ = ("digest", "files", "name")

    def __init__(self, name: str, files: Files) -> None:
        self.digest = files.digest(name)
        self.name = name
        self.files: Files | None = files

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.digest == other.digest


@lru_cache(maxsize=512)
def _naming(keyed: _Keyed) -> Naming:
    assert keyed.files is not None
    naming = _read_naming(keyed.files.xml(keyed.name))
    keyed.files = None  # the digest identifies it from here on; a cache should not hold documents
    return naming


def _read_naming(root: Any) -> Naming:
    kind = local_name(root)
    texts, attributes = _TEXTS.get(kind, {}), _ATTRIBUTES.get(kind, {})
    named: list[tuple[str, str]] = []
    counts = {"Action": 0, "Annot": 0, "DocBody": 0, "Version": 0}
    for element in root.iterdescendants():
        name = local_name(element)
        if name in texts and not len(element):
            named.append((texts[name], text_of(element)))
        for (owner, attribute), role in attributes.items():
            if name == owner and element.get(attribute):
                named.append((role, element.get(attribute)))
        if name in _ACTIVE:
            counts["Action"] += 1
        elif name == "Annot":
            counts["Annot"] += (element.get("Visible") or "").strip().lower() in ("false", "0")
        elif name in counts:
            counts[name] += 1
    base = (root.get("BaseLoc") or "") if kind == "Res" else ""
    bodies, versions = (counts["DocBody"], counts["Version"]) if kind == "OFD" else (0, 0)
    return Naming(tuple(named), base, counts["Action"], counts["Annot"], bodies, versions)


def _fault(code: str, template: str, **params: object) -> CheckFailed:
    return CheckFailed(Indication.FAILED, "FORMAT_FAILURE", code, template, **params)
