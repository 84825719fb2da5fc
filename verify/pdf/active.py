"""活动与隐藏内容: what a PDF might do or show besides its pages (ISO 32000-1, 12.6, 8.11, 7.11).

Everything is covered by the signatures; but a signer sees one appearance, and scripts, launches, forms drawn by a
program and layers that are off can show another to whoever reads the file. Files with such things are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pyhanko.pdf_utils import generic

from trust.errors import CheckFailed, Malformed
from verify.pdf.opening import BROKEN, MAX_OBJECTS, OpenedPDF, has_area, items, look
from verify.remarks import listed
from verify.report import Indication

_ACTIONS: Final = frozenset({
    "/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/ResetForm", "/Rendition", "/Movie", "/Sound", "/Hide",
    "/SetOCGState", "/GoTo3DView", "/RichMediaExecute", "/GoToE", "/GoToR", "/Thread",
})  # fmt: skip
"""Actions that do more than turn a page (12.6.4)."""
_PARAMETERS: Final = frozenset({
    "/F", "/Win", "/Mac", "/Unix", "/JS", "/D", "/R", "/OP", "/AN", "/Fields", "/State", "/H", "/Next",
})  # fmt: skip
"""What actions have and elements of a structure tree do not; viewers do not ask whether the type fits."""
_LINKS: Final = frozenset({"/URI", "/Named"})
_MEDIA: Final = frozenset({"/RichMedia", "/3D", "/Screen", "/Movie", "/Sound", "/FileAttachment"})
_MAX_DEPTH: Final = 48
_EXECUTABLE: Final = (
    b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe",
    b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b",
)  # fmt: skip
"""Programs, and containers in which programs travel."""
_SUFFIXES: Final = (
    ".exe", ".com", ".bat", ".cmd", ".scr", ".pif", ".msi", ".dll", ".js", ".jse", ".vbs", ".vbe", ".wsf", ".ps1",
    ".jar", ".hta", ".lnk", ".sh", ".py", ".app", ".apk", ".docm", ".xlsm", ".pptm", ".html", ".htm", ".svg", ".swf",
    ".reg",
)  # fmt: skip


@dataclass(slots=True)
class Activity:
    """What was found."""

    actions: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    """Content that is fetched from outside the file."""


def read_activity(opened: OpenedPDF) -> Activity:
    """Look at every object of the newest revision. Raises ``Malformed``."""
    activity = Activity()
    try:
        for node in _objects(opened):
            _look(node, activity, 0)
        _look_at_layers(opened.reader.root, activity)
    except Malformed:
        raise
    except BROKEN as error:
        detail = " ".join(str(error).split())[:160] or type(error).__name__
        raise Malformed("format.pdf_malformed", "PDF 文件无法解析：{detail}", detail=detail) from error
    return activity


def _objects(opened: OpenedPDF) -> Iterator[Any]:
    xrefs = opened.reader.xrefs
    references = {ref for number in range(opened.revisions) for ref in xrefs.explicit_refs_in_revision(number)}
    if len(references) > MAX_OBJECTS:
        raise ValueError("objects")
    for number, reference in enumerate(references):
        if number % 256 == 0:
            opened.check_time()
        yield opened.reader.get_object(reference, never_decrypt=True)
    yield opened.reader.trailer_view


def _look(node: Any, activity: Activity, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("nesting")
    if isinstance(node, generic.DictionaryObject):
        _look_at_dictionary(node, activity)
        for key in node:
            _look(node.raw_get(key), activity, depth + 1)
    elif isinstance(node, generic.ArrayObject):
        for index in range(len(node)):
            _look(node.raw_get(index), activity, depth + 1)


def _look_at_dictionary(node: Any, activity: Activity) -> None:
    kind, subtype = _name(node, "/S"), _name(node, "/Subtype")
    if kind in _ACTIONS and not (_name(node, "/Type") == "/StructElem" and not _PARAMETERS & set(node)):
        activity.actions.add(kind[1:])
    if kind in _LINKS:
        activity.links.add(kind[1:])
    for key in ("/AA", "/XFA", "/JS", "/JavaScript", "/RichMediaSettings", "/RichMediaContent"):
        if key in node:
            activity.actions.add(key[1:])
    if subtype in _MEDIA:
        activity.actions.add(subtype[1:])
    if subtype == "/PS" or (isinstance(node, generic.StreamObject) and "/F" in node and subtype != "/Widget"):
        activity.outside.add((subtype or "/F")[1:])
    if "/Ref" in node and subtype == "/Form":
        activity.outside.add("Ref")
    if kind_of_layer := _turned_round(node):
        activity.hidden.add(kind_of_layer)
    if "/Alternates" in node:
        activity.hidden.add("Alternates")
    flags = look(node, "/F") if subtype is not None and "/Rect" in node else None
    if isinstance(flags, int) and flags & 0b100010 and has_area(node) and subtype not in ("/Popup", "/Link"):
        activity.hidden.add(subtype[1:])


def _turned_round(node: Any) -> str:
    """Content that is shown where layers are off (8.11.2.2), so that none need be off for it to be hidden."""
    member = _name(node, "/Type") == "/OCMD"
    return "OCMD" if member and ("/VE" in node or _name(node, "/P") in ("/AllOff", "/AnyOff")) else ""


def _name(node: Any, key: str) -> str:
    value = look(node, key)
    return str(value) if isinstance(value, generic.NameObject) else ""


def _look_at_layers(root: Any, activity: Activity) -> None:
    """图层: content that may be off, or that comes and goes (8.11.4)."""
    layers = look(root, "/OCProperties")
    if not isinstance(layers, generic.DictionaryObject):
        return
    configurations = [look(layers, "/D"), *items(look(layers, "/Configs"))]
    for one in configurations:
        if isinstance(one, generic.DictionaryObject) and (
            look(one, "/OFF") or look(one, "/AS") or look(one, "/BaseState", "/ON") != "/ON"
        ):
            activity.hidden.add("OCG")


def check_inactive(activity: Activity) -> None:
    """Does the file do nothing by itself?"""
    if activity.actions:
        raise CheckFailed(
            Indication.INDETERMINATE,
            "SIG_CONSTRAINTS_FAILURE",
            "pdf.active",
            "文件带有脚本、启动程序等活动内容：{names}，打开时显示的内容可能与签章时不同。",
            names=listed(sorted(activity.actions)),
        )


def check_nothing_hidden(activity: Activity) -> None:
    """Does it show the same to everybody?"""
    if activity.hidden:
        raise CheckFailed(
            Indication.INDETERMINATE,
            "SIG_CONSTRAINTS_FAILURE",
            "pdf.hidden",
            "文件带有可隐藏的内容：{names}，不同的人看到的可能不同。",
            names=listed(sorted(activity.hidden)),
        )


def check_self_contained(activity: Activity) -> None:
    """Is everything shown inside the file?"""
    if activity.outside:
        raise CheckFailed(
            Indication.INDETERMINATE,
            "SIG_CONSTRAINTS_FAILURE",
            "pdf.outside",
            "文件引用了外部内容：{names}，所见内容不全受签名保护。",
            names=listed(sorted(activity.outside)),
        )


def check_attachments(opened: OpenedPDF) -> None:
    """Is no embedded file a program, or a container in which programs travel?"""
    bad = [
        name[:60]
        for name, contents in opened.files.items()
        if name.lower().endswith(_SUFFIXES) or any(content.startswith(_EXECUTABLE) for content in contents)
    ]
    if bad:
        raise CheckFailed(
            Indication.INDETERMINATE,
            "SIG_CONSTRAINTS_FAILURE",
            "pdf.attachment",
            "文件内嵌了可执行文件或压缩包：{names}，请勿打开。",
            names=listed(sorted(bad)),
        )
