"""打开来源: from a declaration to a delivery that can be read, and to whoever confirms holder facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from licence_store.collection.connectors.delivery import Delivery
from licence_store.collection.connectors.files import FileDelivery
from licence_store.collection.connectors.folders import FolderDelivery
from licence_store.collection.connectors.services import ServiceDelivery
from licence_store.collection.connectors.tables import TableDelivery
from licence_store.collection.declarations import Declaration
from licence_store.collection.facts import HolderFacts, HTTPHolderFacts, SQLHolderFacts
from trust.errors import Malformed, NotFound, Refused
from trust.fetching import HTTPFetcher

CONNECTIONS = "connections.json"
FOLDER = "collect"
"""Where sources that were not declared at the console find their files."""
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Connection:
    """命名的连接: an address the operator has named, with what must be sent along."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Opener:
    """打开来源 of a region in ``directory``."""

    directory: Path

    def delivery(self, declared: Declaration, since: str, file: Path | None = None) -> Delivery:
        """What there is to be collected. ``file``: what was brought, for a source of uploads.

        Raises ``Refused("source.nothing_to_read")``, ``NotFound("source.connection")`` and what opening raises.
        """
        kind, params = declared.connector.kind, declared.connector.params
        if file is not None:
            return FileDelivery(file, params.get("records", ""), params.get("sheet", ""), params.get("complete", True))
        match kind:
            case "file":
                path = self._path(params["path"])
                return FileDelivery(path, params["records"], params["sheet"], params["complete"])
            case "folder":
                return FolderDelivery(self._path(params["path"]), params["records"], params["sheet"])
            case "table":
                return self._table(declared, params, since)
            case "service":
                return self._service(declared, params, since)
        raise Refused(
            "source.nothing_to_read", "来源“{id}”没有可自动读取的数据，请提供文件。", id=declared.id,
            remedy="用 --file 指明文件，或在页面上上传。",
        )  # fmt: skip

    def _table(self, declared: Declaration, params: Mapping[str, Any], since: str) -> TableDelivery:
        columns = params["columns"] or _mapped_columns(declared)
        url = self._address(params, declared.department).url
        return TableDelivery(url, params["table"], params["key"], columns, params["changed"], since, params["schema"])

    def _service(self, declared: Declaration, params: Mapping[str, Any], since: str) -> ServiceDelivery:
        address = self._address(params, declared.department)
        fetcher = HTTPFetcher(timeout=_PATIENCE, allow_private="connection" in params)
        names = {name: params[name] for name in ("records", "next", "cursor", "size", "page")}
        return ServiceDelivery(
            fetcher, address.url, **names, since_name=params["since"], watermark_path=params["watermark"],
            since=since, headers=address.headers,
        )  # fmt: skip

    def facts(self, declared: Declaration) -> HolderFacts | None:
        """Whoever confirms holder facts for a source, if anybody does."""
        params = declared.holder_facts
        if not params:
            return None
        address = self._address(params, declared.department)
        if params["queries"]:
            return SQLHolderFacts.open(address.url, params["queries"])
        fetcher = HTTPFetcher(timeout=_PATIENCE, allow_private="connection" in params)
        return HTTPHolderFacts(address.url, fetcher, address.headers)

    def _path(self, path: str) -> Path:
        return self.directory / FOLDER / path  # an absolute path, which only the console may declare, stands for itself

    def _address(self, params: Mapping[str, Any], department: str) -> Connection:
        """What stands behind an address; a connection that names ``departments`` is for theirs only."""
        if "url" in params:
            return Connection(params["url"], {})
        name = params["connection"]
        try:
            known = json.loads((self.directory / CONNECTIONS).read_bytes())
            found = known[name]
            if department not in found.get("departments", [department]):
                raise _unknown(name)
            return Connection(str(found["url"]), {str(k): str(v) for k, v in found.get("headers", {}).items()})
        except FileNotFoundError as error:
            raise _unknown(name) from error
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise Malformed("source.connections", "文件 connections.json 无法识别。") from error
        except KeyError as error:
            raise _unknown(name) from error


def _mapped_columns(declared: Declaration) -> tuple[str, ...]:
    names = [name for one in declared.mapper.fields.values() for name in one.columns]
    return tuple(dict.fromkeys([*names, *declared.key]))


def _unknown(name: str) -> NotFound:
    return NotFound("source.connection", "没有名为“{name}”的连接。", name=name,
                    remedy="请系统管理员在地区文件夹的 connections.json 中命名该连接。")  # fmt: skip
