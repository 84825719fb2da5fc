"""导航: what the head of every page offers, grouped by work. Nobody sees an entry that answers 403.

    for item in menu("officer", "collection", "/collection/quarantine", translate): ...

A group with one entry for somebody is a plain link; one with none is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from seal.lifecycle import Role
from trust.i18n import N_

ANYBODY: Final = frozenset({"", *(str(role) for role in Role)})
"""Strangers too."""
SIGNED_IN: Final = ANYBODY - {""}
_OFFICER: Final = frozenset({"officer"})
_READERS: Final = frozenset({"officer", "auditor", "admin"})
_WRITERS: Final = frozenset({"officer", "admin"})
_OVERSEERS: Final = frozenset({"auditor", "admin"})


@dataclass(frozen=True, slots=True)
class Entry:
    """导航项: a page, who may open it, and the key by which pages say that they belong to it."""

    key: str
    href: str
    title: str
    roles: frozenset[str] = ANYBODY


@dataclass(frozen=True, slots=True)
class Group:
    """导航组: one kind of work."""

    title: str
    entries: tuple[Entry, ...]


GROUPS: Final = (
    Group(N_("核验"), (Entry("verify", "/verify", N_("核验")),)),
    Group(
        N_("签发与采集"),
        (
            Entry("issue", "/issue", N_("签发证照"), _OFFICER),
            Entry("jobs", "/jobs/new", N_("批量签发"), _OFFICER),
            Entry("proofs", "/proofs", N_("电子证明"), _OFFICER),
            Entry("entry", "/entry", N_("纸质证照采集"), _OFFICER),
            Entry("collection", "/collection", N_("数据归集"), _READERS),
            Entry("collection", "/collection/quarantine", N_("隔离区"), _READERS),
        ),
    ),
    Group(
        N_("窗口"),
        (
            Entry("window", "/window", N_("材料核验"), _OFFICER),
            Entry("window-copies", "/window/copies", N_("用证副本"), _OFFICER),
            Entry("scan", "/window/scan", N_("扫码查验"), _OFFICER),
        ),
    ),
    Group(
        N_("证照库"),
        (
            Entry("licences", "/licences", N_("查找证照"), _READERS),
            Entry("licences", "/holdings", N_("按持证者查"), _READERS),
            Entry("inspections", "/inspections", N_("年检"), _READERS),
            Entry("disputes", "/disputes", N_("异议办理"), _READERS),
            Entry("transfers", "/transfers", N_("跨地区转移"), _READERS),
        ),
    ),
    Group(
        N_("目录"),
        (
            Entry("types", "/types", N_("全部类型")),
            Entry("types", "/types/drafts", N_("类型草稿与审核"), _WRITERS),
        ),
    ),
    Group(
        N_("共享"),
        (
            Entry("sharing-look-up", "/sharing/look-up", N_("跨部门查证"), _OFFICER),
            Entry("sharing", "/sharing", N_("共享管理"), _READERS),
        ),
    ),
    Group(N_("印章"), (Entry("seals", "/seals", N_("印章"), SIGNED_IN),)),
    Group(
        N_("运行"),
        (
            Entry("jobs", "/jobs", N_("后台任务"), _READERS),
            Entry("jobs", "/notices", N_("通知"), _READERS),
            Entry("journal", "/journal", N_("留痕"), _OVERSEERS),
            Entry("trust", "/trust", N_("信任"), frozenset({"admin"})),
            Entry("subscriptions", "/subscriptions", N_("事件订阅"), frozenset({"admin"})),
            Entry("regions", "/regions", N_("互认地区"), _READERS),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as shown; ``here``: ``page`` for the page itself, ``true`` for what lies under it."""

    href: str
    title: str
    here: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """A group as shown; ``links`` has one entry or more."""

    title: str
    links: tuple[Link, ...]

    @property
    def here(self) -> bool:
        return any(one.here for one in self.links)


def menu(role: str, key: str, path: str, translate: Callable[[str], str]) -> tuple[Menu, ...]:
    """What somebody of ``role`` (empty: a stranger) is offered on the page ``path``, which belongs to ``key``."""
    seen = [(group, [one for one in group.entries if role in one.roles]) for group in GROUPS]
    here = _here([one for _, entries in seen for one in entries], key, path)
    return tuple(
        Menu(
            translate(group.title if len(entries) > 1 else _alone(group, entries[0])),
            tuple(
                Link(one.href, translate(one.title), ("page" if one.href == path else "true") if one is here else "")
                for one in entries
            ),
        )
        for group, entries in seen
        if entries
    )


def _alone(group: Group, entry: Entry) -> str:
    """The only entry's own name where the group's would say too much."""
    return group.title if group.entries[0] is entry else entry.title


def _here(entries: list[Entry], key: str, path: str) -> Entry | None:
    """The entry that a page stands under: of those with its key, the one whose address begins the page's."""
    of_key = [one for one in entries if one.key == key]
    under = [one for one in of_key if path == one.href or path.startswith(f"{one.href}/")]
    if under:
        return max(under, key=lambda one: len(one.href))
    return next((one for one in of_key if one.href == f"/{key}"), None)
