"""Sessions of holders as programs read them."""

from __future__ import annotations

from api.moments import exact
from licence_store.holding.holder import Holder, HolderSession
from licence_store.holding.terms import listed


def session_shape(session: HolderSession, token: str | None = None) -> dict[str, object]:
    """用户会话; ``token``: told once."""
    return {
        "token": token,
        "account_id": session.account_id,
        "person": _party(session.person),
        "holder": _party(session.holder),
        "delegation_id": session.delegation_id or None,
        "rights": listed(session.rights),
        "types": sorted(session.types),
        "items": sorted(session.items),
        "assurance": session.assurance,
        "assurance_until": exact(session.fresh_until),
        "expires": exact(session.expires),
    }


def _party(holder: Holder) -> dict[str, str]:
    return {"code": holder.masked_code, "name": holder.name}
