"""办件归档: make the bag of a case, and check one.

    for piece in desk.bags.make("990000-2026-7", official, reason="办结归档"):
        out.write(piece)
    check_bag(Path("case.zip"), desk.trust(), now)     # or, without us, the script that lies in the bag

Whoever checks needs nothing of ours: ``verify_bag.py`` in the bag has the digests and the signature written out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys.signer import Signer
from licence_store.archive_bag import verify_bag
from licence_store.archive_bag.contents import CaseContents, find_case, payload
from licence_store.archive_bag.writing import SIGNATURE, TIMESTAMP, BagWriter
from trust.anchors import Purpose, TrustStore
from trust.errors import CheckFailed, Malformed
from trust.path import check_certificate
from trust.signed import moment, open_signed, sign_document, write_moment
from trust.timestamp import check_timestamp

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from seal.lifecycle import Official

_SCRIPT: Final = Path(verify_bag.__file__)
_LARGEST_SIGNATURE: Final = 1 << 20
_SKEW: Final = timedelta(minutes=5)
"""How far the stamp may lie before the moment the bag states."""
_DELAY: Final = timedelta(hours=24)
"""... and after it: a large bag takes its time."""


@dataclass(frozen=True, slots=True)
class Bags:
    """归档: the desk, and the one verb."""

    desk: Desk

    def make(self, number: str, official: Official, *, reason: str = "") -> Iterator[bytes]:
        """The bag of a case as a ZIP, piece by piece; journalled when asked for.

        Raises ``NotFound("bag.case_unknown")`` before the first piece, ``Unavailable`` where a key or a file is away.
        """
        desk = self.desk
        case = find_case(desk, number, official)
        made, signer = desk.clock().replace(microsecond=0), desk.region.keyring.signer("publisher")
        details = {"licences": str(len(case.licences)), "materials": str(len(case.materials))}
        desk.journal.record(
            actor=official.actor, action="case.archive", subject=f"case:{case.number}", reason=reason, details=details
        )
        return self._pieces(case, made, signer)

    def _pieces(self, case: CaseContents, made: datetime, signer: Signer) -> Iterator[bytes]:
        desk, writer = self.desk, BagWriter(f"case-{_safe(case.number)}", made)
        for path, data in payload(desk, case, made):
            yield from writer.add(path, data)
        info = {
            "Source-Organization": desk.region.name,
            "Bagging-Date": made.date().isoformat(),
            "External-Identifier": case.number,
            "External-Description": "办件归档包：证照、材料、证据与过程记录 / licences, materials, evidence, process",
            "Bag-Software-Agent": "licence-trust",
        }

        def sign(seen: dict[str, str]) -> dict[str, bytes]:
            stated: dict[str, object] = {
                "format": verify_bag.FORMAT, "case": case.number, "region": desk.region.code,
                "made": write_moment(made), "manifests": seen,
            }  # fmt: skip
            signed = sign_document(stated, signer.sign, [signer.certificate.der])
            return {SIGNATURE: signed, TIMESTAMP: desk.timestamper.stamp(signed)}

        yield from writer.finish(info, {"verify_bag.py": _SCRIPT.read_bytes()}, sign)


@dataclass(frozen=True, slots=True)
class BagReport:
    """核验归档包."""

    sound: bool
    problem: str = ""
    """In English, as the script in the bag says it; empty: none."""
    case: str = ""
    made: str = ""
    region: str = ""
    files: int = 0
    publisher: str = ""
    certificate: str = ""
    """SM3 of the publisher's certificate."""
    believed: bool = False
    """The publisher's certificate has a path to an anchor of ours."""
    stamped: str = ""
    """By when it had been signed, as the time stamp proves; empty: it does not."""

    def to_json(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


def check_bag(path: Path, trust: Callable[[], TrustStore] | None, now: datetime) -> BagReport:
    """Digests and signature as the script in the bag checks them, then whether the publisher is one ``trust`` believes.

    Raises ``Malformed("file.unreadable")`` where there is no such file.
    """
    if not path.is_file():
        raise Malformed("file.unreadable", "无法读取文件 {name}：{why}", name=str(path), why="—")
    try:
        files, name, fingerprint, stated, stamp = verify_bag.verify(str(path))
    except verify_bag.Problem as problem:
        return BagReport(sound=False, problem=str(problem))
    believed, problem_found, stamped = trust is None, "", stamp.time
    if trust is not None:
        believed, problem_found, stamped = _believed(files, trust(), str(stated["made"]), now)
    return BagReport(
        believed, problem_found, str(stated["case"]), str(stated["made"]), str(stated["region"]), len(files), name,
        fingerprint, trust is not None and believed, stamped,
    )  # fmt: skip


def _believed(files: Mapping[str, bytes], store: TrustStore, made: str, now: datetime) -> tuple[bool, str, str]:
    """Was it signed by one whom ``store`` believes, when their certificate was good, as the time stamp proves; and when
    that was. A certificate that has run out since takes nothing from it.
    """
    try:
        document = open_signed(files[SIGNATURE], verify_bag.FORMAT, limit=_LARGEST_SIGNATURE)
        document.check_signature()
        stated = moment({"made": made}, "made")
        publisher, *others = document.certificates
        check_certificate(publisher, store, Purpose.BUNDLE, stated, known_at=now, proved=True, extra=others)
    except (CheckFailed, Malformed, ValueError) as error:
        return False, f"publisher not believed: {getattr(error, 'code', 'signature')}", ""
    try:
        proved = check_timestamp(files.get(TIMESTAMP, b""), files[SIGNATURE], store, known_at=now).time
    except (CheckFailed, Malformed) as error:
        return False, f"time stamp not believed: {error.code}", ""
    if not -_SKEW <= proved - stated <= _DELAY:
        return False, "time stamp not of the moment the bag states", ""
    return True, "", write_moment(proved)


def _safe(number: str) -> str:
    """A case number as the name of a folder."""
    return re.sub(r"[^0-9A-Za-z._-]", "_", number)[:80] or "case"
