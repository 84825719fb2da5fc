"""加盖印章: a seal of the register on a document somebody brings.

    stamped = stamper.stamp(official, seal_id, document, Marks(((1, 130.0, 200.0),)), reason="随申请提交")

1. ``open``: it can be sealed honestly, is no licence (those are issued) and nothing on it fails.
2. ``admit``: a short transaction. State of the seal, right of whoever uses it, the day's limit.
3. ``seal``: 盖章, with time stamp; the seals it bears stay and are covered.
4. ``check_output``: our own verifier.
5. ``record``: a second short transaction. The seal is still the one that was used; ledger and journal.

Only then is the file handed over; it is not kept here. Stopped before step 5, nothing has happened but that the
day's limit counts one; stopped after it, the ledger names a file that nobody received.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from licence_store import journal
from licence_store.cabinet import SealCabinet
from licence_store.collection import confined
from licence_store.journal import SQLJournal
from seal import using
from seal.database import Sessions
from seal.lifecycle import Official
from seal.ofd.sealable import SealableOFD, open_for_sealing
from seal.pdf.sealable import SealablePDF, open_pdf_for_sealing
from seal.placing import Page
from seal.sealing import PDFChoices, Placement, SealedFile, Sealer, SealingMaterial, cross_page_placements
from seal.ses import SESeal
from seal.using import Use, Wish, admit
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, Refused, Unavailable
from trust.journal import Entry
from verify.report import Indication, Report, Severity
from verify.verifier import Verifier

_KEYWORDS = Path(__file__).with_name("keyword_reader.py")
NO_TYPE = ""
"""Type code of what is no licence: only a grant for every type covers it."""
MOST_MARKS = 100
"""Places on one document, cross-page strips aside."""
_MARGIN = 20.0
"""Millimetres from the last page's right and lower edge where no place is given."""


@dataclass(frozen=True, slots=True)
class Marks:
    """盖章位置: where the seal is to be seen; nowhere given: at the lower right of the last page."""

    places: tuple[tuple[int, float, float], ...] = ()
    """``(page, x, y)``: pages from 1, millimetres from the page's top left to the picture's."""
    cross_page: bool = False
    """骑缝章 as well."""
    cross_y: float | None = None
    """Millimetres from the top; ``None``: half way down the lowest page."""
    keyword: str = ""
    """关键字: over the last place where these words stand; PDF only."""
    field: str = ""
    """签章域: the empty signature field of this name; PDF only, and instead of places."""

    def check(self, pages: int) -> None:
        """Raises ``Malformed("stamping.page", "stamping.too_many", "sealing.cross_page")``."""
        if len(self.places) > MOST_MARKS:
            raise Malformed("stamping.too_many", "一次最多可盖 {limit} 处。", limit=MOST_MARKS)
        for page, _, _ in self.places:
            if not 1 <= page <= pages:
                raise Malformed("stamping.page", "文件共 {count} 页，没有第 {page} 页。", count=pages, page=page)
        if self.cross_page and pages < 2:
            raise Malformed("sealing.cross_page", "骑缝章至少需要两页，文档只有 {count} 页。", count=pages)

    def placements(
        self, pages: Sequence[Page], seal: SESeal, over: tuple[int, float, float] | None = None
    ) -> list[Placement]:
        """The same for the sealer; ``over`` is the middle of the keyword."""
        placed = [Placement(pages[page - 1].id, x, y) for page, x, y in self.places]
        if over is not None:
            page, x, y = over
            placed.append(_within(pages[page - 1], x - seal.width / 2, y - seal.height / 2, seal))
        if self.cross_page:
            middle = (min(page.height for page in pages) - seal.height) / 2
            placed += cross_page_placements(pages, seal, middle if self.cross_y is None else self.cross_y)
        if not placed and pages:
            last = pages[-1]
            placed = [Placement(last.id, last.width - seal.width - _MARGIN, last.height - seal.height - _MARGIN)]
        return placed


def _within(page: Page, x: float, y: float, seal: SESeal) -> Placement:
    """As near to ``x, y`` as the page allows."""
    return Placement(page.id, max(0.0, min(x, page.width - seal.width)), max(0.0, min(y, page.height - seal.height)))


@dataclass(frozen=True, slots=True)
class Stamper:
    """加盖: the collaborators, and the one verb. Whoever calls has authenticated the account."""

    sessions: Sessions
    journal: SQLJournal
    seals: SealCabinet
    sealer: Sealer
    verifier: Callable[[], Verifier]
    """Our own verifier with fresh trust material and no register."""
    clock: Callable[[], datetime]

    def stamp(
        self, who: Official, seal_id: str, content: bytes, marks: Marks | None = None, *, reason: str = ""
    ) -> SealedFile:
        """加盖 the seal on ``content``, an OFD or PDF file with seals or without; what is refused is journalled too.

        Raises ``Malformed`` (``package.*``, ``format.*``, ``stamping.page``, ``sealing.placement``), ``Refused``
        (``sealing.closed``, ``sealing.broken``, ``sealing.certified``, ``stamping.*``, ``seal.*``),
        ``NotFound("seal.unknown")`` and ``Unavailable`` where key, time stamp or database is away.
        """
        marks = marks or Marks()
        with self._journalled(who, seal_id, reason):
            document = self.open(content, marks)
            self.admit(who, seal_id)
            self.seals.look([seal_id])
            material = self.seals.material(seal_id)
            sealed = self.seal(document, content, material, marks)
            self.check_output(sealed)
            self.record(who, seal_id, material, content, sealed, reason)
        return sealed

    # The steps

    def open(self, content: bytes, marks: Marks) -> SealableOFD | SealablePDF:
        """打开: what could not be sealed honestly is refused before the day's limit is touched."""
        pdf = content.startswith(b"%PDF-")
        document = open_pdf_for_sealing(content) if pdf else open_for_sealing(content)
        if not pdf and (marks.keyword or marks.field):
            raise Malformed("stamping.pdf_only", "按关键字或签章域盖章只用于 PDF；OFD 请给出页码和位置。")
        marks.check(len(document.pages))
        if document.message is not None:
            raise Refused("stamping.licence", "文件含有证照的数据电文；证照只能经签发盖章。")
        report = self.verifier().verify(content)
        if report.indication is Indication.FAILED:
            raise Refused("stamping.failed", "文件未通过核验（{finding}），不能再盖章。", finding=_told(report))
        return document

    def seal(
        self, document: SealableOFD | SealablePDF, content: bytes, material: SealingMaterial, marks: Marks
    ) -> SealedFile:
        """盖章 where the marks say."""
        over = find_keyword(content, marks.keyword) if marks.keyword else None
        places = marks.placements(document.pages, material.seal, over)
        if isinstance(document, SealablePDF):
            return self.sealer.seal(document, material, places, PDFChoices(field=marks.field))
        return self.sealer.seal(document, material, places)

    def admit(self, who: Official, seal_id: str) -> None:
        """可否用章: the first short transaction."""
        wish = Wish(seal_id, who.actor, who.role, NO_TYPE, 1, who.holder_code)
        with self.sessions.begin() as session:
            room = admit(session, wish, self.clock())
        if room.refusal is not None:
            raise room.refusal

    def check_output(self, sealed: SealedFile) -> None:
        """自检: our own signature passes, and nothing else fails; a stranger's seal may stay undecided."""
        report = self.verifier().verify(sealed.data)
        own = report.signatures[-1].indication if report.signatures else None
        if own is not Indication.PASSED or report.indication is Indication.FAILED:
            raise Unavailable(
                "stamping.self_check",
                "盖章后的文件未通过自检（{indication}，{finding}），未予发出。",
                remedy="请联系系统管理员；该次盖章未生效。",
                indication=str(report.indication),
                finding=_told(report),
            )
        sealed.remember_digest(bytes.fromhex(str(report.document["digest"])))

    def record(
        self, who: Official, seal_id: str, material: SealingMaterial, content: bytes, sealed: SealedFile, reason: str
    ) -> None:
        """登记: the second short transaction. What the seal's state forbids by now does not count."""
        used, now = material.entry.digest.hex(), self.clock()
        use = Use(
            seal_id=seal_id,
            object_digest=used,
            document=sealed.digest.hex(),
            subject=f"sm3:{sm3(content).hex()}",
            type_code=NO_TYPE,
            officer=who.actor.account[:100],
            department=(who.actor.department or "")[:32],
            used=sealed.signed_at,
            recorded=now,
        )
        details = {"role": str(who.role), "brought": use.subject, "document": f"sm3:{use.document}"}
        with self.sessions.begin() as session:
            for refusal in using.changed(session, [(seal_id, used)]).values():
                raise refusal
            using.write(session, [use])
            journal.append(session, [Entry(now, who.actor, "seal.use", seal_id, reason, details=details)])

    @contextmanager
    def _journalled(self, who: Official, seal_id: str, reason: str) -> Iterator[None]:
        try:
            yield
        except LicenceTrustError as error:
            self.journal.failed(error, actor=who.actor, action="seal.use", subject=seal_id[:64], reason=reason)
            raise


def find_keyword(content: bytes, words: str) -> tuple[int, float, float]:
    """Page and middle of the last place where ``words`` stand in a PDF, read in a process of its own.

    Raises ``Malformed("stamping.keyword")`` where they stand nowhere.
    """
    try:
        found = json.loads(confined.run_python(_KEYWORDS, [words], content)) if words.isprintable() else []
    except (confined.ConfinedFailure, ValueError):
        found = []
    if not found:
        raise Malformed("stamping.keyword", "PDF 中没有找到关键字“{words}”。", words=words[:100])
    page, left, top, width, height = found[-1]
    return int(page), left + width / 2, top + height / 2


def _told(report: Report) -> str:
    every = [*report.findings, *(f for s in report.signatures for f in s.findings)]
    return "、".join(dict.fromkeys(f.code for f in every if f.severity is Severity.ERROR)) or "—"
