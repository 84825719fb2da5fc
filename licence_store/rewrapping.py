"""更换主密钥: once there is a new master key, whatever an older one wraps is wrapped anew, and the old one can go.

    number, job_id = renew(desk, actor, "年度更换")     # from here on the new one wraps; a job does the rest
    standing(desk)                                    # how many keys each master still opens
    destroy(desk, old, actor, "年度更换")               # refused while anything needs it

Files are not touched: only their keys, which are short, are unwrapped and wrapped. The job takes some hundreds in one
transaction and replaces each only if it is still the one it read, so that it can be stopped, killed and run twice, and
nobody who drops a file meanwhile gets it back.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Row, Table, func, select, update
from sqlalchemy.orm import Session

from keys.master import MasterKeys, number_of
from licence_store.copying.models import CopyFile
from licence_store.models import table
from licence_store.notices.models import HookSecret
from licence_store.sharing.models import SharingKey
from licence_store.uploads.models import UploadKey
from trust.errors import Conflict, Refused, Unavailable

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.jobs.context import JobContext
    from trust.journal import Actor

REWRAP: Final = "master-rewrap"
SETTLED: Final = timedelta(hours=1)
"""What was under way when a master was superseded has been recorded by then, or never will be."""
_SOME: Final = 200
_LOST: Final = ("keys.master_missing", "keys.wrapped_damaged")


@dataclass(frozen=True, slots=True)
class Place:
    """A table with a column of wrapped keys. ``master`` beside it is the number of the master that opens the key."""

    rows: Table
    id: Column[Any]
    wrapped: Column[Any]
    context: Callable[[str], bytes]
    """What the key of the row with this id is bound to."""
    as_text: bool = False
    """In base64."""

    @property
    def master(self) -> Column[Any]:
        return self.rows.c.master


def places() -> tuple[Place, ...]:
    """Every column of keys under the region's master. A new one belongs here, or its keys die with their master."""
    from licence_store.copying.copier import context_of as of_copy
    from licence_store.notices.hook_secrets import context_of as of_hook
    from licence_store.sharing.callers import context_of as of_secret
    from licence_store.uploads.service import context_of as of_upload

    uploads, copies, secrets, hooks = table(UploadKey), table(CopyFile), table(SharingKey), table(HookSecret)
    return (
        Place(uploads, uploads.c.upload_id, uploads.c.wrapped, lambda name: of_upload(name).encode()),
        Place(copies, copies.c.copy_id, copies.c.wrapped, lambda name: of_copy(name).encode()),
        Place(secrets, secrets.c.id, secrets.c.public, of_secret, as_text=True),
        Place(hooks, hooks.c.id, hooks.c.sealed, of_hook, as_text=True),
    )


def standing(desk: Desk) -> Mapping[int, int]:
    """How many keys each master opens: every master there is, and those that are missed."""
    found = Counter[int](dict.fromkeys(desk.region.masters.numbers(), 0))
    with desk.sessions.read() as session:
        for place in places():
            found.update(_counted(session, place))
    return dict(sorted(found.items()))


def _counted(session: Session, place: Place) -> dict[int, int]:
    query = select(place.master, func.count()).where(place.master.is_not(None)).group_by(place.master)
    return dict(session.execute(query).all())


def renew(desk: Desk, actor: Actor, reason: str) -> tuple[int, str]:
    """更换: a new master for what comes from now on, and the job that wraps the rest; its number, the job's id."""
    masters = desk.region.masters
    number = masters.renew()
    name = f"{masters.name}.{number}"
    with desk.sessions.begin() as session:
        desk.journal.record(session, actor=actor, action="key.renew_master", subject=name, reason=reason)
        return number, desk.jobs.enqueue(session, REWRAP, {}, actor=actor, key=name)


def destroy(desk: Desk, number: int, actor: Actor, reason: str) -> None:
    """销毁 a master that opens nothing any more; a record stays in its place.

    Raises ``NotFound("keys.master_unknown")``, ``Refused("keys.no_reason", "keys.master_current")``,
    ``Conflict("keys.master_destroyed", "keys.master_settling", "keys.master_needed")``.
    """
    masters, now = desk.region.masters, desk.clock()
    if not reason.strip():
        raise Refused("keys.no_reason", "销毁密钥必须写明理由。")
    superseded = masters.superseded(number)
    if superseded is None:
        raise Refused(
            "keys.master_current", "主密钥 {name} 正在使用，不能销毁。",
            remedy="请先更换：keys renew-master。", name=f"{masters.name}.{number}",
        )  # fmt: skip
    if now < superseded + SETTLED:
        raise Conflict(
            "keys.master_settling", "主密钥 {name} 刚被更换，可能仍有办理中的文件要用它。",
            remedy="请在更换满一小时后再销毁。", name=f"{masters.name}.{number}",
        )  # fmt: skip
    needed = standing(desk)[number]
    if needed:
        raise Conflict(
            "keys.master_needed", "主密钥 {name} 还打开 {count} 个密钥，不能销毁。",
            remedy="请等待“重新包裹文件密钥”任务完成（jobs list --kind master-rewrap），再销毁。",
            name=f"{masters.name}.{number}", count=needed,
        )  # fmt: skip
    stated = {"destroyed_at": now.astimezone(UTC).isoformat(timespec="seconds"), "account": actor.account}
    masters.destroy(number, {**stated, "reason": reason})
    desk.journal.record(actor=actor, action="key.destroy_master", subject=f"{masters.name}.{number}", reason=reason)


# ---------------------------------------------------------------- the job


def run(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``master-rewrap``: goes on where it stopped; also once a day, for what was recorded late."""
    desk, newest = context.desk, context.desk.region.masters.newest
    total = sum(count for number, count in standing(desk).items() if number != newest)
    done, lost = int((context.position or {}).get("done", 0)), 0
    total += done
    for place in places():
        after = ""
        while not context.stopped():
            with desk.sessions.begin() as session:
                some = _older(session, place, newest, after)
                if not some:
                    break
                kept = sum(_wrap_anew(session, place, desk.region.masters, row) for row in some)
                done, lost, after = done + kept, lost + len(some) - kept, some[-1].id
                context.save(session, {"done": done})
            context.progress(done, total, lost)
    if (done or lost) and not context.told_to_stop:
        details = {"keys": str(done), "lost": str(lost)}
        subject, result = f"{desk.region.masters.name}.{newest}", "keys.wrapped_damaged" if lost else "ok"
        desk.journal.record(actor=context.actor, action="key.rewrap", subject=subject, result=result, details=details)
    return {"rewrapped": done, "lost": lost}


def _older(session: Session, place: Place, newest: int, after: str) -> Sequence[Row[Any, Any]]:
    """Some rows whose key another master opens, in order of their ids."""
    older = select(place.id.label("id"), place.wrapped.label("wrapped")).where(place.master != newest, place.id > after)
    return session.execute(older.order_by(place.id).limit(_SOME)).all()


def _wrap_anew(session: Session, place: Place, masters: MasterKeys, row: Row[Any, Any]) -> bool:
    """Is the row's key wrapped by the newest master now, or not needed any more? False: it cannot be opened."""
    bound = place.context(row.id)
    try:
        key = masters.unwrap(b64decode(row.wrapped) if place.as_text else row.wrapped, bound)
    except Unavailable as error:
        if error.code not in _LOST:
            raise
        return False
    fresh = masters.wrap(key, bound)
    kept: bytes | str = b64encode(fresh).decode() if place.as_text else fresh
    still = place.id == row.id, place.wrapped == row.wrapped
    session.execute(update(place.rows).where(*still).values({place.wrapped: kept, place.master: number_of(fresh)}))
    return True
