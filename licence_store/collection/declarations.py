"""来源声明: where licences come from, as data (R021-R028, R030, R036).

    {"id": "county-societies", "title": "县民政局社会组织库", "type": "society-registration", "department": "civil",
     "mode": "repository", "authority": 50, "key": ["TYSHXYDM"], "fields": {…}, "schedule": "every 1d",
     "connector": {"kind": "table", "connection": "county-db", "table": "societies", "key": ["ID"]}}

Passwords do not belong into a declaration: a ``connection`` is a name, and the file ``connections.json`` in the
region's folder says what stands behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from licence_store.collection.mapping import Mapper, load_mapper
from licence_store.extras import CREDIBILITY
from licence_store.jobs.kinds import period_length
from trust.errors import LicenceTrustError, Malformed
from trust.i18n import N_

MODES: Mapping[str, str] = {
    "scan": N_("证照录入"),
    "material": N_("申请材料电子化"),
    "result": N_("审批结果电子化"),
    "compose": N_("证照自动合成"),
    "repository": N_("整合其他电子证照库"),
}
"""五种采集方式 (R024-R028)."""
ONCE = "once"
_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
_NAME = re.compile(r"[A-Za-z0-9_.$ \u4e00-\u9fff-]{1,64}")
RESERVED = (
    "case.number", "case.service_item", "case.result_document", "case.valid_until", "paper.number",
    "original.number", "original.issued_on",
)  # fmt: skip
"""What may be mapped besides the type's fields: the case, the paper form, number and day of a licence there before."""
_KEYS = frozenset({
    "id", "title", "type", "department", "mode", "authority", "origin", "credibility", "key", "fields",
    "connector", "schedule", "holder_facts", "run_as",
})  # fmt: skip
SHORTEST_PERIOD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ConnectorRule:
    """连接方式: ``upload`` (a file is brought), ``entry`` (pages), ``file``, ``folder``, ``table`` or ``service``."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declaration:
    """来源声明, checked."""

    id: str
    title: str
    type: str
    department: str
    mode: str
    authority: int
    origin: str
    """What the licence says of its source; empty: mode and title."""
    credibility: str
    key: tuple[str, ...]
    """Columns that tell the source's rows apart; empty: the whole row does."""
    mapper: Mapper
    connector: ConnectorRule
    schedule: str
    """``once``, or ``every 1h``."""
    holder_facts: Mapping[str, Any]
    run_as: str
    """Account in whose name the schedule runs it; empty: who declared it."""
    source: Mapping[str, Any]
    """As it was declared."""

    @property
    def period(self) -> timedelta | None:
        """How often, where there is a schedule."""
        return None if self.schedule == ONCE else period_length(self.schedule.removeprefix("every "))


def load_declaration(raw: object, field_names: Callable[[str], tuple[str, ...]], *, trusted: bool) -> Declaration:
    """Read a declaration; raises ``Malformed("source.invalid")`` naming the part.

    ``field_names`` gives the fields of a type. ``trusted``: the operator at the console, who may name any file and any
    address of the machine; others name files in the region's ``collect`` folder, connections and public addresses.
    """
    if not isinstance(raw, dict):
        raise _bad("", "JSON object")
    if extra := sorted(set(map(str, raw)) - _KEYS):
        raise _bad(extra[0][:40], "、".join(sorted(_KEYS)))
    texts = {name: _text(raw, name, limit) for name, limit in (("title", 100), ("type", 80), ("department", 32))}
    mode = _one_of(raw, "mode", MODES, "repository")
    authority = raw.get("authority", 50)
    if isinstance(authority, bool) or not isinstance(authority, int) or not 0 <= authority <= 100:
        raise _bad("authority", "0…100")
    fields = (*field_names(texts["type"]), *RESERVED)
    return Declaration(
        id=_matching(raw.get("id"), "id", _ID),
        mode=mode,
        authority=authority,
        origin=_text(raw, "origin", 200, ""),
        credibility=_one_of(raw, "credibility", CREDIBILITY, "B" if mode in ("scan", "material") else "A"),
        key=_columns(raw, "key"),
        mapper=load_mapper(raw.get("fields"), fields, _bad),
        connector=_connector(raw.get("connector", {"kind": "upload"}), trusted=trusted),
        schedule=_schedule(raw.get("schedule", ONCE)),
        holder_facts=_holder_facts(raw.get("holder_facts", {}), trusted=trusted),
        run_as=_text(raw, "run_as", 64, ""),
        source=raw,
        **texts,
    )


def _text(raw: Mapping[str, Any], name: str, limit: int, default: str | None = None) -> str:
    value = raw.get(name, default)
    if not isinstance(value, str) or (default is None and not value.strip()) or len(value) > limit:
        raise _bad(name, f"text ≤ {limit}")
    if not value.isprintable():
        raise _bad(name, "printable text")
    return value.strip()


def _matching(value: object, part: str, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _bad(part, form.pattern)
    return value


def _one_of(raw: Mapping[str, Any], name: str, choices: Any, default: str) -> str:
    value = raw.get(name, default)
    if not isinstance(value, str) or value not in choices:
        raise _bad(name, " | ".join(choices))
    return value


def _columns(raw: Mapping[str, Any], name: str, part: str = "") -> tuple[str, ...]:
    value = raw.get(name, [])
    if isinstance(value, str):
        value = [value]
    named = isinstance(value, list) and all(isinstance(v, str) and 0 < len(v) <= 64 for v in value)
    if not named or len(value) > 50:
        raise _bad(f"{part}{name}", '["column", …]')
    return tuple(dict.fromkeys(value))


def _schedule(value: object) -> str:
    if value == ONCE:
        return ONCE
    try:
        if not isinstance(value, str) or not value.startswith("every "):
            raise _bad("schedule", "once | every 1h")
        length = period_length(value.removeprefix("every "))
    except LicenceTrustError as error:
        raise _bad("schedule", "once | every 1h") from error
    if length < SHORTEST_PERIOD:
        raise _bad("schedule", "≥ every 5m")
    return value


# Connectors


def _connector(raw: object, *, trusted: bool) -> ConnectorRule:
    if not isinstance(raw, dict):
        raise _bad("connector", "JSON object")
    kind = raw.get("kind")
    load = _CONNECTORS.get(kind) if isinstance(kind, str) else None
    if load is None:
        raise _bad("connector.kind", " | ".join(_CONNECTORS))
    known, read = load
    if extra := sorted(set(map(str, raw)) - known - {"kind"}):
        raise _bad(f"connector.{extra[0][:40]}", "、".join(sorted(known)) or "—")
    return ConnectorRule(str(kind), read(raw, trusted))


def _nothing(raw: Mapping[str, Any], trusted: bool) -> Mapping[str, Any]:
    return {}


def _layout(raw: Mapping[str, Any], trusted: bool) -> dict[str, Any]:
    return {"records": _text(raw, "records", 200, ""), "sheet": _text(raw, "sheet", 60, "")}


def _path(raw: Mapping[str, Any], trusted: bool) -> dict[str, Any]:
    path = _text(raw, "path", 1000)
    place = PurePath(path)
    if not trusted and (place.is_absolute() or ".." in place.parts):
        raise _bad("connector.path", N_("collect 文件夹内的相对路径"))
    return {"path": path, **_layout(raw, trusted)}


def _upload(raw: Mapping[str, Any], trusted: bool) -> Mapping[str, Any]:
    return {**_layout(raw, trusted), "complete": _flag(raw, "complete")}


def _file(raw: Mapping[str, Any], trusted: bool) -> Mapping[str, Any]:
    return {**_path(raw, trusted), "complete": _flag(raw, "complete")}


def _flag(raw: Mapping[str, Any], name: str) -> bool:
    value = raw.get(name, True)
    if not isinstance(value, bool):
        raise _bad(f"connector.{name}", "true | false")
    return value


def _table(raw: Mapping[str, Any], trusted: bool) -> Mapping[str, Any]:
    key = _columns(raw, "key", "connector.")
    if not key:
        raise _bad("connector.key", '["column", …]')
    changed = raw.get("changed", "")
    return {
        **_address(raw, trusted, ("sqlite", "postgresql")),
        "table": _matching(raw.get("table"), "connector.table", _NAME),
        "schema": _matching(raw["schema"], "connector.schema", _NAME) if "schema" in raw else None,
        "key": key,
        "columns": _columns(raw, "columns", "connector."),
        "changed": _matching(changed, "connector.changed", _NAME) if changed else "",
    }


def _service(raw: Mapping[str, Any], trusted: bool) -> Mapping[str, Any]:
    page = raw.get("page", 500)
    if isinstance(page, bool) or not isinstance(page, int) or not 1 <= page <= 10_000:
        raise _bad("connector.page", "1…10000")
    defaults = {"records": "", "next": "", "cursor": "cursor", "size": "", "since": "", "watermark": ""}
    names = {name: _text(raw, name, 100, default) for name, default in defaults.items()}
    if bool(names["since"]) != bool(names["watermark"]):
        raise _bad("connector.watermark", "since + watermark")
    return {**_address(raw, trusted, ("http", "https")), "page": page, **names}


def _address(raw: Mapping[str, Any], trusted: bool, schemes: tuple[str, ...]) -> dict[str, Any]:
    """``connection`` (a name), or ``url`` with no password in it."""
    if ("connection" in raw) == ("url" in raw):
        raise _bad("connector.connection", "connection | url")
    if "connection" in raw:
        return {"connection": _matching(raw["connection"], "connector.connection", _ID)}
    url = _text(raw, "url", 1000)
    return {"url": _checked_url(url, "connector.url", trusted=trusted, schemes=schemes)}


def _checked_url(url: str, part: str, *, trusted: bool, schemes: tuple[str, ...]) -> str:
    try:
        found = urlsplit(url)
        secret = bool(found.password)
    except ValueError as error:
        raise _bad(part, "URL") from error
    if secret:
        raise Malformed(
            "source.secret", "来源声明“{part}”中不得写入口令，请在地区文件夹的 connections.json 中命名连接。", part=part
        )
    web = found.scheme in ("http", "https") and bool(found.hostname)
    if ("http" in schemes and not web) or ("http" not in schemes and (web or not found.scheme)):
        raise _bad(part, " | ".join(f"{scheme}://" for scheme in schemes))
    if "http" not in schemes and not trusted:
        raise _bad(part, "connection")
    return url


_LAYOUT = {"records", "sheet"}
_ADDRESS = {"connection", "url"}
_CONNECTORS: Mapping[str, tuple[set[str], Callable[[Mapping[str, Any], bool], Mapping[str, Any]]]] = {
    "upload": (_LAYOUT | {"complete"}, _upload),
    "entry": (set(), _nothing),
    "file": (_LAYOUT | {"path", "complete"}, _file),
    "folder": (_LAYOUT | {"path"}, _path),
    "table": (_ADDRESS | {"table", "schema", "key", "columns", "changed"}, _table),
    "service": (
        _ADDRESS | {"records", "next", "cursor", "size", "page", "since", "watermark"},
        _service,
    ),
}


def _holder_facts(raw: object, *, trusted: bool) -> Mapping[str, Any]:
    """``{"url" | "connection"}`` of a service, with ``queries`` that of a database."""
    if raw == {}:
        return {}
    if not isinstance(raw, dict) or not set(raw) <= {"connection", "url", "queries"}:
        raise _bad("holder_facts", "connection | url, queries")
    queries = raw.get("queries", {})
    if not isinstance(queries, dict) or not all(isinstance(q, str) and 0 < len(q) <= 4000 for q in queries.values()):
        raise _bad("holder_facts.queries", '{"fact": "SELECT …"}')
    if queries and not trusted:
        raise _bad("holder_facts.queries", N_("只能由控制台声明"))
    schemes = ("sqlite", "postgresql") if queries else ("http", "https")
    return {**_address(raw, trusted, schemes), "queries": dict(queries)}


def _bad(part: str, expected: str) -> Malformed:
    return Malformed(
        "source.invalid", "来源声明的“{part}”不正确：应为{expected}。", part=part or ".", expected=expected[:400]
    )
