"""任务种类: every kind of work there is, and how a handler looks.

    def handler(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]: ...

It may be called again after a crash, at any point: what it does, it does in transactions that also say
``context.once(session, key)`` or ``context.save(session, position)``. What it returns is kept as the outcome. It
looks at ``context.stopped()`` now and then and comes back early when told to. ``Unavailable`` means: try again later.
A new kind is one more line here; its module is read when the first job of that kind runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

from trust.errors import Malformed, NotFound
from trust.i18n import N_

_ZONE = timezone(timedelta(hours=8))
"""Periods begin with the day, the hour, the minute of Beijing."""
_EPOCH = datetime(2000, 1, 1, tzinfo=_ZONE)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class JobKind:
    """任务种类."""

    name: str
    title: str
    """Chinese, for people; in the catalogue."""
    handler: str
    """``module:function``."""
    every: str | None = None
    """``15m``, ``1h``, ``1d``: done once per period by itself. ``None``: only when somebody asks."""
    long: bool = False
    """May take hours: never given the last free worker, so that short work is done meanwhile."""
    attempts: int = 8
    """So often it is begun before it counts as failed."""


def _kinds(*kinds: JobKind) -> Mapping[str, JobKind]:
    return MappingProxyType({one.name: one for one in kinds})


KINDS: Mapping[str, JobKind] = _kinds(
    JobKind("issue-file", N_("批量签发"), "licence_store.jobs.issue_file:run", long=True),
    JobKind("expiry-sweep", N_("到期与年检逾期登记"), "licence_store.jobs.sweeps:expiry", every="15m"),
    JobKind("expiry-notices", N_("到期通知"), "licence_store.notices.occasions:expiring", every="1d"),
    JobKind("inspection-notices", N_("年检通知"), "licence_store.notices.occasions:inspections", every="1d"),
    JobKind("notice-delivery", N_("投递通知"), "licence_store.notices.delivery:run", every="5m"),
    JobKind("collect", N_("归集来源数据"), "licence_store.collection.jobs:run", long=True),
    JobKind("collect-rerun", N_("重新清洗隔离数据"), "licence_store.collection.jobs:rerun", long=True),
    JobKind("collect-due", N_("到时归集"), "licence_store.collection.jobs:due", every="5m"),
    JobKind("archive-extend", N_("延长 PDF 的长期有效性"), "licence_store.jobs.archive:extend", every="1d", long=True),
    JobKind("files-sweep", N_("清扫证照文件库"), "licence_store.jobs.file_upkeep:sweep", every="1d", long=True),
    JobKind("files-scrub", N_("巡检证照文件库"), "licence_store.jobs.file_upkeep:scrub", every="1d", long=True),
    JobKind("uploads-sweep", N_("清扫未使用的上传"), "licence_store.uploads.upkeep:sweep", every="1d"),
    JobKind("master-rewrap", N_("重新包裹文件密钥"), "licence_store.rewrapping:run", every="1d", long=True),
    JobKind("copies-sweep", N_("清理到期的用证副本"), "licence_store.copying.upkeep:sweep", every="1d"),
    JobKind("event-fanout", N_("分发证照变更事件"), "licence_store.eventing.fanout:run", every="1m"),
    JobKind("transfer-delivery", N_("送达转移文书"), "licence_store.transferring.delivering:run", every="5m"),
    JobKind("job-housekeeping", N_("清理已结束的任务"), "licence_store.jobs.housekeeping:run", every="1d"),
)


def kind_of(name: str) -> JobKind:
    """The kind called ``name``; raises ``NotFound("job.kind_unknown")``."""
    found = KINDS.get(name)
    if found is None:
        raise NotFound("job.kind_unknown", "没有任务种类“{kind}”。", kind=name[:64])
    return found


def known_kinds(*, long: bool = True) -> frozenset[str]:
    """Names of the kinds this program can do; ``long=False`` leaves out those that may take hours.

    Another machine on the same register may be newer and know more.
    """
    return frozenset(one.name for one in KINDS.values() if long or not one.long)


def period_length(every: str) -> timedelta:
    """``15m``, ``1h``, ``1d`` as a length; raises ``Malformed("job.every")``."""
    count, unit = every[:-1], every[-1:]
    if not (count.isascii() and count.isdigit() and unit in _UNITS and 0 < int(count[:9]) <= 100_000):
        raise Malformed("job.every", "周期“{every}”无效，应如 15m、1h、1d。", every=every[:20])
    return int(count) * _UNITS[unit]


def period_at(every: str, moment: datetime) -> datetime:
    """When the period that holds ``moment`` began; the same on every machine."""
    length = period_length(every)
    return _EPOCH + (moment - _EPOCH) // length * length
