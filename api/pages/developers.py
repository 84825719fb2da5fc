"""接口说明页: the OpenAPI document as a page to read, by audience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trust.i18n import N_

TITLES = {
    "verify": N_("核验"),
    "licences": N_("证照"),
    "copies": N_("用证副本"),
    "seals": N_("电子印章"),
    "trust": N_("信任材料"),
    "certificates": N_("证书与密钥"),
    "trust services": N_("证书、废止与时间戳服务"),
    "staff": N_("令牌与留痕"),
    "operations": N_("运行"),
}
AUTH = {"token": N_("需要接口令牌"), "account": N_("需要账号和密码"), "space token": N_("需要用户会话令牌")}


def groups(document: dict[str, Any], translate: Callable[[str], str]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Operations by tag, in the order of ``TITLES``."""
    found: dict[str, list[dict[str, Any]]] = {tag: [] for tag in TITLES}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation, translate))
    return [(tag, operations) for tag, operations in found.items() if operations]


def _operation(method: str, path: str, operation: dict[str, Any], translate: Callable[[str], str]) -> dict[str, Any]:
    schemes = [name for one in operation.get("security", ()) for name in one]
    return {
        "method": method,
        "path": path,
        "summary": translate(operation["summary"]),
        "auth": "、".join(translate(AUTH[name]) for name in schemes),
        "parameters": [(p["name"], p["in"], p.get("description", "")) for p in operation.get("parameters", ())],
        "statuses": " · ".join(operation["responses"]),
    }
