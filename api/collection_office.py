"""采集办理: what the command line, HTTP and pages ask of collection where more than one collaborator takes part."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from trust.errors import LicenceTrustError, Malformed, Refused

if TYPE_CHECKING:
    from licence_store.collection.quarantine import Held, Mending, Wanted
    from licence_store.collection.sources import SourceView
    from licence_store.desk import Desk
    from trust.journal import Actor

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class CollectionOffice:
    """采集办理."""

    desk: Desk

    def ask_run(
        self, source_id: str, actor: Actor, content: bytes, name: str, *, check: bool = False, key: str = ""
    ) -> str:
        """归集 as a background job (with the file that was brought, if any); answers the job's id.

        Raises ``NotFound("source.unknown")``, ``Refused("source.closed", "source.nothing_to_read",
        "collection.department")``, ``Malformed("delivery.suffix")``.
        """
        from licence_store.collection.connectors.files import SUFFIXES

        source = self._open(source_id, actor)
        if content and PurePath(name).suffix.lower() not in SUFFIXES:
            raise Malformed(
                "delivery.suffix",
                "交付文件应为 {expected} 之一，实为“{name}”。",
                expected="、".join(SUFFIXES),
                name=name[-80:],
            )
        if not content and source.declaration.connector.kind in ("upload", "entry"):
            raise Refused(
                "source.nothing_to_read",
                "来源“{id}”没有可自动读取的数据，请提供文件。",
                id=source.id,
                remedy="用 --file 指明文件，或在页面上上传。",
            )
        arguments = {"source": source.id, "check": check, **({"file": PurePath(name).name} if content else {})}
        return self._ask("collect", arguments, self._for(actor, source), key, content)

    def ask_rerun(self, source_id: str, actor: Actor, ids: Sequence[str] | None = None, *, key: str = "") -> str:
        """重新清洗 of what was held back, as a background job; answers its id."""
        source = self.desk.sources.get(source_id)
        self._allowed(actor, source)
        arguments: dict[str, object] = {"source": source.id, **({"ids": list(ids)} if ids is not None else {})}
        return self._ask("collect-rerun", arguments, self._for(actor, source), key, b"")

    def _ask(self, kind: str, arguments: dict[str, object], actor: Actor, key: str, content: bytes) -> str:
        with self.desk.sessions.begin() as session:
            return self.desk.jobs.enqueue(session, kind, arguments, actor=actor, key=key, content=content)

    def _open(self, source_id: str, actor: Actor) -> SourceView:
        source = self.desk.sources.get(source_id)
        self._allowed(actor, source)
        if source.closed is not None:
            raise Refused("source.closed", "来源“{id}”已停用。", id=source.id)
        return source

    def _allowed(self, actor: Actor, source: SourceView) -> None:
        from licence_store.collection.sources import allowed

        allowed(actor, source.department_id)

    def _for(self, actor: Actor, source: SourceView) -> Actor:
        return replace(actor, department=source.department_id)

    def export(self, wanted: Wanted, actor: Actor, suffix: str, translate: Translate) -> bytes:
        """导出 rows of one source as a workbook or as JSON lines; journalled.

        Raises ``NotFound("source.unknown")``, ``Refused("collection.department")``, ``Malformed("quarantine.suffix")``.
        """
        from api.collection_shapes import reasons
        from licence_store.collection.spreadsheets import as_line, quarantine_workbook

        if suffix not in (".jsonl", ".xlsx"):
            raise Malformed("quarantine.suffix", "导出文件应为 .xlsx 或 .jsonl。")
        source = self.desk.sources.get(wanted.source)
        self._allowed(actor, source)
        rows, told = list(self.desk.quarantine.each(wanted)), reasons(translate)
        details = {"rows": str(len(rows)), "format": suffix}
        self.desk.journal.record(
            actor=actor, action="quarantine.export", subject=source.id, reason=wanted.rule, details=details
        )
        if suffix == ".jsonl":
            return b"".join(json.dumps(as_line(row, told), ensure_ascii=False).encode() + b"\n" for row in rows)
        fields = list(self.desk.catalogue.get(source.type_code).schema["properties"])
        return quarantine_workbook(rows, fields, told, translate)

    def mend_all(
        self, lines: Sequence[Mending | LicenceTrustError], actor: Actor
    ) -> list[str | LicenceTrustError]:
        """更正 what a file says, line by line: the row's id, or why not."""
        sound = [line for line in lines if not isinstance(line, LicenceTrustError)]
        answers = iter(self.desk.quarantine.mend_many(sound, actor))
        return [line if isinstance(line, LicenceTrustError) else _id_of(next(answers)) for line in lines]

    def mend_file(self, content: bytes, name: str, actor: Actor) -> Iterator[str | LicenceTrustError]:
        """更正 what an uploaded file says, line by line."""
        from licence_store.collection.spreadsheets import read_mended

        with tempfile.TemporaryDirectory(prefix="licence-trust-") as folder:
            path = Path(folder) / f"mended{PurePath(name).suffix.lower()[:10]}"
            path.write_bytes(content)
            lines = read_mended(path)
            while some := list(islice(lines, 200)):
                yield from self.mend_all(some, actor)


def _id_of(answer: Held | LicenceTrustError) -> str | LicenceTrustError:
    return answer if isinstance(answer, LicenceTrustError) else answer.id
