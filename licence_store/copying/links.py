"""一次性链接: whoever has the address may fetch the copy once, until it expires or the copy ends.

Of the secret in the address only the digest is kept. The first to write a link's end has taken it; the primary key
lets no second one through, on whichever machine.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.copying.models import CopyLink, CopyLinkEnd
from seal.models import table
from trust.algorithms import sm3
from trust.errors import Conflict, Malformed, NotFound

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=7)
USUAL: Final = timedelta(hours=24)
TAKEN, WITHDRAWN = "taken", "withdrawn"
_LINKS, _ENDS = table(CopyLink), table(CopyLinkEnd)


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link; ``token`` is told once and kept nowhere."""

    id: str
    copy_id: str
    token: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class LinkView:
    """一次性链接 on record."""

    id: str
    copy_id: str
    made: datetime
    expires: datetime
    made_by: str
    end: str
    """``taken``, ``withdrawn``; empty: neither."""
    ended: datetime | None

    def state(self, moment: datetime) -> str:
        """``open``, ``taken``, ``withdrawn`` or ``expired``."""
        return self.end or ("expired" if moment > self.expires else "open")


def make(session: Session, copy_id: str, actor: str, moment: datetime, valid: timedelta) -> MadeLink:
    """A link to the copy. Raises ``Malformed("copy.link_valid")``."""
    if not SHORTEST <= valid <= LONGEST:
        raise Malformed("copy.link_valid", "链接的有效时间应为 1 分钟至 {days} 天。", days=LONGEST.days)
    token, expires, link_id = secrets.token_urlsafe(32), moment + valid, f"k-{secrets.token_hex(10)}"
    row = {
        "id": link_id,
        "copy_id": copy_id,
        "digest": digest_of(token),
        "made": moment,
        "expires": expires,
        "made_by": actor[:100],
    }
    session.execute(insert(_LINKS), [row])
    return MadeLink(link_id, copy_id, token, expires)


def digest_of(token: str) -> str:
    """What is kept of a link's secret."""
    return sm3(token.encode("utf-8", "replace")).hex()


def find(session: Session, token: str) -> LinkView:
    """The link behind a secret. Raises ``NotFound("copy.link_unknown")``."""
    row = session.execute(_viewed().where(_LINKS.c.digest == digest_of(token))).first()
    if row is None:
        raise NotFound("copy.link_unknown", "没有这个下载链接。", remedy="请核对地址，或请持证者重新发送。")
    return _view(row)


def of_id(session: Session, copy_id: str, link_id: str) -> LinkView:
    """A copy's link by its id. Raises ``NotFound("copy.link_unknown")``."""
    row = session.execute(_viewed().where(_LINKS.c.copy_id == copy_id, _LINKS.c.id == link_id)).first()
    if row is None:
        raise NotFound("copy.link_unknown", "没有这个下载链接。")
    return _view(row)


def of_copy(session: Session, copy_id: str) -> Sequence[LinkView]:
    """A copy's links, newest first."""
    rows = session.execute(_viewed().where(_LINKS.c.copy_id == copy_id).order_by(_LINKS.c.made.desc(), _LINKS.c.id))
    return tuple(_view(row) for row in rows)


def check_open(link: LinkView, moment: datetime) -> None:
    """Raises ``Conflict("copy.link_taken", "copy.link_withdrawn", "copy.link_expired")``."""
    state = link.state(moment)
    if state == TAKEN:
        raise Conflict(
            "copy.link_taken", "该链接已经用过，只能下载一次。", remedy="如需再次下载，请持证者重新发送链接。"
        )
    if state == WITHDRAWN:
        raise Conflict("copy.link_withdrawn", "该链接已被持证者撤回。", remedy="如需下载，请持证者重新发送链接。")
    if state == "expired":
        raise Conflict("copy.link_expired", "该链接已经过期。", remedy="如需下载，请持证者重新发送链接。")


def burn(session: Session, link: LinkView, kind: str, moment: datetime) -> None:
    """End the link; of all who try, one succeeds. Raises as ``check_open``."""
    check_open(link, moment)
    dialect = sqlite if session.connection().dialect.name == "sqlite" else postgresql
    row = {"link_id": link.id, "kind": kind, "at": moment}
    ended = session.execute(dialect.insert(_ENDS).values(row).on_conflict_do_nothing().returning(_ENDS.c.link_id))
    if ended.first() is None:
        again = session.execute(_viewed().where(_LINKS.c.id == link.id)).one()
        check_open(_view(again), moment)


def _viewed() -> Any:
    named = [_LINKS.c[name] for name in ("id", "copy_id", "made", "expires", "made_by")]
    return select(*named, _ENDS.c.kind, _ENDS.c.at).outerjoin(_ENDS, _ENDS.c.link_id == _LINKS.c.id)


def _view(row: Row[Any]) -> LinkView:
    return LinkView(row.id, row.copy_id, row.made, row.expires, row.made_by, row.kind or "", row.at)
