"""就绪: can the service do its work, and if not, which part stands in the way and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from trust.errors import LicenceTrustError, Unavailable, fill
from trust.i18n import N_

if TYPE_CHECKING:
    from keys.custodian import CustodianState
    from licence_store.desk import Desk
    from trust.expiry import Ending
    from trust.revocation import SilentSource

FINE = N_("正常")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the service depends on."""

    name: str
    ready: bool
    template: str = FINE
    params: dict[str, object] = field(default_factory=dict)
    warnings: tuple[tuple[str, dict[str, object]], ...] = ()
    """What needs looking after soon, though the service works: template and values."""

    def message(self, translate: Callable[[str], str]) -> str:
        return fill(translate(self.template), self.params)

    def warning_texts(self, translate: Callable[[str], str]) -> list[str]:
        return [fill(translate(template), params) for template, params in self.warnings]


def parts(desk: Desk, silent: Sequence[SilentSource] = ()) -> list[Part]:
    """Database, trust material, revocation data, clock, files, keys, what ends soon, sources of revocation that are
    ``silent``, background jobs, trust list, virus scanner; each is asked even if another is away.
    """
    asked = [_asked(name, check, desk) for name, check in _CHECKS.items()]
    found = [*asked, _ending(desk), _sources(silent), _jobs(desk), _trust_list(desk), *_scanner(desk)]
    return [_scrubbed(one, desk) if one.name == "files" and one.ready else one for one in found]


def endings(desk: Desk) -> tuple[Ending, ...]:
    """What of the certificates, anchors and lists in use has ended or ends soon, the first to end first."""
    from trust.expiry import certificate_lifetimes, expiring, store_lifetimes

    keyring = desk.region.keyring
    ours = [keyring.certificate(name) for name in keyring.names()]
    return expiring((*certificate_lifetimes(ours), *store_lifetimes(desk.trust())), desk.clock())


def _ending(desk: Desk) -> Part:
    """Red where a certificate in use or a list has ended; a warning where one ends soon."""
    from trust.expiry import Kind, Severity

    try:
        found = {(one.kind, one.name, one.ends_at): one for one in endings(desk)}.values()
    except LicenceTrustError as error:
        return Part("certificates", False, error.template, dict(error.params))
    warnings = tuple((_WORDS[one.severity is Severity.EXPIRED], _facts(one)) for one in found)
    for one in found:
        if one.severity is Severity.EXPIRED and one.kind in (Kind.CERTIFICATE, Kind.CRL):
            return Part("certificates", False, _WORDS[True], _facts(one), warnings)
    return Part("certificates", True, warnings=warnings)


_WORDS = {True: N_("“{name}”（{kind}）已于 {ends_at} 到期。"), False: N_("“{name}”（{kind}）将于 {ends_at} 到期。")}


def _facts(one: Ending) -> dict[str, object]:
    return {"name": one.name, "kind": str(one.kind), "ends_at": one.ends_at.isoformat(timespec="seconds")}


def _sources(silent: Sequence[SilentSource]) -> Part:
    if not silent:
        return Part("sources", True)
    words = {"url": silent[0].url, "reason": silent[0].reason, "count": len(silent)}
    return Part("sources", False, N_("有 {count} 个废止信息源没有应答（{url}：{reason}）。"), words)


def _trust_list(desk: Desk) -> Part:
    """How old the trust list is: red once it has expired; a warning in its last third, for forks and silent peers."""
    try:
        state = desk.peers.state()
        if state is None:
            return Part("trust_list", True, N_("本节点没有加入信任列表。"))
        refusals, publications = desk.trust_lists.refusals(5), desk.publications.all()
    except LicenceTrustError as error:
        return Part("trust_list", False, error.template, dict(error.params))
    now = desk.clock()
    words: dict[str, object] = {
        "number": state.number,
        "hours": int(state.age.total_seconds() // 3600),
        "until": state.next_update.isoformat(timespec="seconds"),
    }
    if not state.fresh:
        template = N_("第 {number} 号信任列表已于 {until} 到期（已 {hours} 小时），其他地区的证照现在不能据以采信。")
        return Part("trust_list", False, template, words)
    warnings: list[tuple[str, dict[str, object]]] = []
    if state.next_update - now < (state.next_update - state.issued_at) / 3:
        warnings.append((N_("第 {number} 号信任列表将于 {until} 到期，尚未取得新的。"), words))
    for one in refusals:
        if one.code in ("trust_list.fork", "trust_list.older") and now - one.refused < timedelta(days=7):
            facts: dict[str, object] = {"number": one.number, "source": one.source, "reason": one.code}
            warnings.append((N_("曾拒绝来自 {source} 的第 {number} 号信任列表（{reason}），请查明。"), facts))
    for peer in publications:
        if peer.failing_since is not None and peer.kind != "status_list":
            facts = {
                "region": peer.region,
                "since": peer.failing_since.isoformat(timespec="seconds"),
                "reason": peer.failure,
            }
            warnings.append((N_("地区 {region} 公布的材料自 {since} 起无法取得（{reason}）。"), facts))
    template = N_("第 {number} 号信任列表，签发已 {hours} 小时，{until} 前有效。")
    return Part("trust_list", True, template, words, tuple(warnings))


_LATE, _STUCK = timedelta(minutes=10), timedelta(hours=1)
"""A job that was due so long ago is worth a look; nobody works on the queue any more."""


def _jobs(desk: Desk) -> Part:
    """Red where nobody takes jobs; a warning where they are late, or something was given up within a day."""
    now = desk.clock()
    try:
        state, dead = desk.jobs.state(), desk.notices.dead_since(now - timedelta(days=1))
    except LicenceTrustError as error:
        return Part("jobs", False, error.template, dict(error.params))
    words: dict[str, object] = {}
    late = now - state.oldest_due if state.oldest_due else timedelta(0)
    if state.oldest_due:
        words = {"since": state.oldest_due.isoformat(timespec="seconds")}
    warnings: list[tuple[str, dict[str, object]]] = [(_LATE_WORDS, words)] if late > _LATE else []
    if state.failed_lately:
        warnings.append((N_("一天内有 {count} 个后台任务失败。"), {"count": state.failed_lately}))
    if dead:
        warnings.append((N_("一天内有 {count} 条通知未能送达。"), {"count": dead}))
    if late > _STUCK:
        return Part("jobs", False, _LATE_WORDS, words, tuple(warnings))
    return Part("jobs", True, warnings=tuple(warnings))


_LATE_WORDS = N_("后台任务自 {since} 起无人执行，请查看 worker。")


def _scanner(desk: Desk) -> list[Part]:
    """A virus scanner that was named and is away, or whose signatures are old: no upload is taken, all else works."""
    if not desk.settings.uploads.scanner:
        return []
    try:
        signatures = desk.uploads.scanner.signatures()
    except LicenceTrustError:
        return [Part("scanner", True, warnings=((N_("病毒扫描服务没有应答，暂不收取上传的文件。"), {}),))]
    if signatures is not None and desk.clock() - signatures > _OLD_SIGNATURES:
        facts: dict[str, object] = {"date": signatures.date().isoformat()}
        return [Part("scanner", True, warnings=((N_("病毒库停留在 {date}，请更新。"), facts),))]
    return [Part("scanner", True)]


_OLD_SIGNATURES = timedelta(days=7)


def _asked(name: str, check: Callable[[Desk], None], desk: Desk) -> Part:
    try:
        check(desk)
    except LicenceTrustError as error:
        return Part(name, False, error.template, dict(error.params))
    except OSError as error:
        return Part(name, False, N_("无法访问：{why}"), {"why": error.strerror or type(error).__name__})
    return Part(name, True)


def _database(desk: Desk) -> None:
    from licence_store.migrations import check_schema

    check_schema(desk.sessions)


def _trust(desk: Desk) -> None:
    if desk.trust().is_empty:
        raise Unavailable("trust.empty", "信任库是空的。")


def _revocation(desk: Desk) -> None:
    store, moment = desk.trust(), desk.clock()
    if not store.is_fresh(moment):
        raise Unavailable("revocation.stale_store", "吊销列表缺失或已过期，请更新。")


def _clock(desk: Desk) -> None:
    """A clock that has gone back behind what was already written down is not to be trusted."""
    from licence_store.journal import head
    from licence_store.models import JournalEntry

    moment = desk.clock()
    with desk.sessions.read() as session:
        newest = session.get(JournalEntry, head(session).seq)
    made = datetime.fromisoformat(desk.region.created).astimezone(UTC)
    latest = max(made, newest.at) if newest else made
    if moment < latest - timedelta(minutes=5):
        raise Unavailable("clock.behind", "系统时钟落后于已有记录（{latest}）。", latest=latest.isoformat())


def _files(desk: Desk) -> None:
    desk.files.check()


def _scrubbed(files: Part, desk: Desk) -> Part:
    """巡检: a warning where the last scrub found files damaged or missing."""
    from licence_store.jobs.file_upkeep import last_scrub

    try:
        bad = last_scrub(desk.jobs).get("bad", 0)
    except LicenceTrustError:
        return files  # the database is away, as its own part says
    words = N_("最近一次巡检发现 {bad} 份证照文件损坏或缺失，请从备份恢复。")
    return replace(files, warnings=((words, {"bad": bad}),)) if bad else files


def _keys(desk: Desk) -> None:
    """Every custodian is there, and the keys can be opened."""
    for one in custodians(desk):
        if not one.present:
            words = {"name": one.name, "reason": one.reason}
            raise Unavailable("keys.custodian_absent", "密钥保管者“{name}”不在：{reason}", **words)
    desk.region.keyring.signer("tsa")


def custodians(desk: Desk) -> tuple[CustodianState, ...]:
    """密钥保管者, each with the number of its keys; never raises."""
    return desk.region.custodians.states()


_CHECKS: dict[str, Callable[[Desk], None]] = {
    "database": _database,
    "trust": _trust,
    "revocation": _revocation,
    "clock": _clock,
    "files": _files,
    "keys": _keys,
}
