"""套打与纸质件 (R043, R046): the values of a licence at their boxes' places, and an account of every blank form.

A body that prints on forms of its own (pre-printed face, seal added by hand or not at all) gets a page with nothing
but the values, true to size. Each form is used once: printed, or spoilt and crossed off with a reason; what was printed
stands beside the licence for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

from licence_store import journal
from licence_store.cases import PRINTED, SPOILT, Casework, PaperUse, record_paper
from licence_store.face import field_texts, qr_of
from seal.painting import Canvas, Item
from trust.errors import Malformed, NotFound, Refused
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from datetime import datetime

    from licence_store.catalogue import Catalogue
    from licence_store.register import LicenceView, Register
    from licence_store.style import Style
    from seal.database import Sessions
    from seal.message import DataMessage

_BLACK = (0, 0, 0)
_MOST_DOTS = 18_000_000


def overprint(style: Style, message: DataMessage, *, qr_url: str = "") -> bytes:
    """套打页: a white PNG of the page's true size with the values alone, in black; with ``qr_url`` also its code.

    Raises ``Malformed("face.*")``.
    """
    dpi = min(600.0, (_MOST_DOTS / (style.width * style.height)) ** 0.5 * 25.4)
    canvas = Canvas(style.width, style.height, dpi).paint(_items(style, message, qr_url))
    out = BytesIO()
    canvas.image.convert("L").save(out, "PNG", dpi=(dpi, dpi), compress_level=6)
    return out.getvalue()


def _items(style: Style, message: DataMessage, qr_url: str) -> Iterator[Item]:
    if qr_url:
        yield replace(qr_of(style, qr_url), colour=_BLACK)
    for text in field_texts(style, message):
        yield replace(text, colour=_BLACK)


@dataclass(frozen=True)
class PaperDesk:
    """纸质件台账."""

    sessions: Sessions
    catalogue: Catalogue
    register: Register
    verify_url: Callable[[str], str]
    clock: Callable[[], datetime]

    def uses(self, licence_id: str) -> tuple[PaperUse, ...]:
        """What was printed of a licence, oldest first."""
        return Casework(self.sessions).papers(licence_id)

    def page(self, view: LicenceView, *, qr: bool = False) -> bytes:
        """套打页 of a licence; says nothing of any form."""
        url = self.verify_url(view.licence_id) if qr else ""
        return overprint(self._style(view), view.message, qr_url=url)

    def size(self, view: LicenceView) -> tuple[float, float]:
        """Width and height of the page, millimetres."""
        style = self._style(view)
        return style.width, style.height

    def print_on(self, view: LicenceView, form_number: str, actor: Actor) -> None:
        """打印登记: this form is used for this licence.

        Raises ``Malformed("paper.number")``, ``Refused("paper.not_current")``, ``Conflict("paper.form_used")``.
        """
        if view.state != "CURRENT":
            raise Refused("paper.not_current", "证照现在不是有效状态，不能打印。")
        self._write(view, form_number, PRINTED, "", actor)

    def spoil(self, view: LicenceView, form_number: str, reason: str, actor: Actor) -> None:
        """作废登记 of a form that was printed badly or damaged; raises ``Malformed("paper.*")``, ``NotFound``."""
        if not reason.strip() or len(reason) > 500:
            raise Malformed("paper.reason", "请说明空白证照作废的原因（不超过 500 字）。")
        if form_number.strip() not in {one.form_number for one in self.uses(view.licence_id)}:
            raise NotFound("paper.unknown", "该证照没有在编号为“{number}”的空白证照上打印过。", number=form_number[:60])
        self._write(view, form_number, SPOILT, reason.strip(), actor)

    def _write(self, view: LicenceView, form_number: str, use: str, reason: str, actor: Actor) -> None:
        number, now = form_number.strip(), self.clock()
        if not number or len(number) > 60 or not number.isprintable():
            raise Malformed("paper.number", "空白证照的印刷编号应为不超过 60 个可见字符。")
        row = {
            "type_code": view.summary.type_code,
            "form_number": number,
            "use": use,
            "licence_id": view.licence_id,
            "base": view.summary.base,
            "actor": actor.account[:100],
            "department": view.summary.department_id,
            "reason": reason,
            "happened": now,
            "recorded": now,
        }
        details = {"form": number}
        with self.sessions.begin() as session:
            record_paper(session, [row])
            entry = Entry(now, actor, f"paper.{use}", view.licence_id, reason=reason, details=details)
            journal.append(session, [entry])

    def _style(self, view: LicenceView) -> Style:
        return self.catalogue.version(view.summary.type_code, view.type_version).style
