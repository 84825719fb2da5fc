"""证照文件的形式: one version of a licence as OFD, as PDF, or as both, and how far each file is provided for.

A version's first file stands in ``licence_version``. A row of ``licence_file`` says what that row cannot: that a file
is a PDF, further forms of the same version, and, of a PDF that has been extended for the long term, each later state.
The newest row of a form counts; none is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ForeignKey, Index, String, bindparam, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from licence_store.models import LicenceVersion
from seal.database import Base
from seal.materials import SealedFile
from seal.models import DIGEST, table
from trust.errors import Malformed, NotFound

OFD: Final = "ofd"
PDF: Final = "pdf"
FORMS: Final = (OFD, PDF)
MEDIA: Final[Mapping[str, str]] = {OFD: "application/ofd", PDF: "application/pdf"}
WORDS: Final[Mapping[str, tuple[str, ...]]] = {"ofd": (OFD,), "pdf": (PDF,), "both": (OFD, PDF)}
"""What people ask for → the forms, the first being the version's first file."""
BASIC, STAMPED, ARCHIVED, LASTING = "B-B", "B-T", "B-LT", "B-LTA"
"""Levels of a PDF (EN 319 142-1)."""


class LicenceFile(Base):
    """证照文件: a further form of a version, or a later state of a form; only ever added."""

    __tablename__ = "licence_file"

    licence_id: Mapped[str] = mapped_column(ForeignKey("licence_version.licence_id"), primary_key=True)
    form: Mapped[str] = mapped_column(String(8), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1; the highest counts."""
    digest: Mapped[str] = mapped_column(DIGEST)
    size: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[str] = mapped_column(String(8))
    """``B-B`` … ``B-LTA`` of a PDF; empty of an OFD."""
    renew_by: Mapped[datetime | None]
    """When the certificate of its last document time stamp ends."""
    recorded: Mapped[datetime]

    __table_args__ = (
        Index("ix_licence_file_digest", "digest"),
        Index("ix_licence_file_renew_by", "renew_by"),
        Index("ix_licence_file_level", "level", "recorded"),
    )


_FILES, _VERSIONS = table(LicenceFile), table(LicenceVersion)
_INSERT = insert(_FILES)


@dataclass(frozen=True)
class SealedForms(SealedFile):
    """已签章的各种形式: a version's first file, and its further forms."""

    form: str = OFD
    level: str = ""
    others: tuple[SealedForms, ...] = field(default=())

    @classmethod
    def of(cls, made: Sequence[tuple[str, SealedFile]], level: str) -> SealedForms:
        """What was made, the first file first; ``level`` is that of PDFs."""
        others = tuple(cls._one(form, sealed, level) for form, sealed in made[1:])
        return cls._one(*made[0], level, others)

    @classmethod
    def _one(cls, form: str, sealed: SealedFile, level: str, others: tuple[SealedForms, ...] = ()) -> SealedForms:
        one = cls(sealed.data, sealed.signed_at, form, level if form == PDF else "", others)
        one.remember_digest(sealed.digest)
        return one

    @property
    def all(self) -> tuple[SealedForms, ...]:
        """The first file and the others."""
        return self, *self.others


def forms_of(word: str) -> tuple[str, ...]:
    """``ofd``, ``pdf`` or ``both`` as forms. Raises ``Malformed("issue.format")``."""
    found = WORDS.get(word)
    if found is None:
        raise Malformed("issue.format", "文件格式应为 ofd、pdf 或 both，实为“{form}”。", form=word[:40])
    return found


def record(session: Session, licence_id: str, sealed: SealedForms, now: datetime) -> None:
    """Write down what the version's own row does not say of its files, in the caller's transaction."""
    rows = [row(licence_id, one, 1, now) for one in sealed.all if one is not sealed or one.form != OFD]
    if rows:
        session.connection().execute(_INSERT, rows)


def row(
    licence_id: str, sealed: SealedForms, number: int, now: datetime, *, renew_by: datetime | None = None
) -> dict[str, Any]:
    """The row of ``licence_file`` for one file."""
    return {
        "licence_id": licence_id,
        "form": sealed.form,
        "number": number,
        "digest": sealed.digest.hex(),
        "size": len(sealed.data),
        "level": sealed.level,
        "renew_by": renew_by,
        "recorded": now,
    }


def add(session: Session, content: Mapping[str, Any]) -> None:
    """One more row."""
    session.connection().execute(_INSERT, [dict(content)])


def files_of(session: Session, licence_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Licence id → form → digest of the newest file, the first file's form first; for versions in the register."""
    wanted = list(licence_ids)
    versions = select(_VERSIONS.c.licence_id, _VERSIONS.c.file_digest).where(_VERSIONS.c.licence_id.in_(wanted))
    firsts = {one.licence_id: one.file_digest for one in session.execute(versions)}
    query = select(_FILES.c.licence_id, _FILES.c.form, _FILES.c.digest).where(_FILES.c.licence_id.in_(wanted))
    listed: dict[str, list[tuple[str, str]]] = {licence_id: [] for licence_id in firsts}
    for one in session.execute(query.order_by(_FILES.c.number)):
        listed[one.licence_id].append((one.form, one.digest))
    return {licence_id: _by_form(digest, listed[licence_id]) for licence_id, digest in firsts.items()}


def _by_form(first: str, listed: Sequence[tuple[str, str]]) -> dict[str, str]:
    """A first file that is not listed is an OFD."""
    form = next((form for form, digest in listed if digest == first), OFD)
    return {form: first, **dict(listed)}


_DIGESTS = select(_FILES.c.digest).where(_FILES.c.licence_id == bindparam("licence_id"))


def digests_of(session: Session, licence_id: str) -> list[str]:
    """Every file of ``licence_id`` that ``licence_file`` lists, earlier states included."""
    return list(session.connection().execute(_DIGESTS, {"licence_id": licence_id}).scalars())


def digest_of(session: Session, licence_id: str, form: str) -> str:
    """The newest file of that form. Raises ``NotFound("licence.form_absent")``."""
    digest = files_of(session, [licence_id]).get(licence_id, {}).get(form)
    if digest is None:
        raise NotFound(
            "licence.form_absent",
            "证照 {licence_id} 没有 {form} 格式的文件。",
            remedy="可由颁证单位补制该格式的文件。",
            licence_id=licence_id,
            form=form.upper(),
        )
    return digest
