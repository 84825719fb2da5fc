"""一次办理: run an act once for an ``Idempotency-Key``; asked again, give the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from starlette.responses import Response

from licence_store.idempotency import Idempotency
from trust.algorithms import sm3

MEDIA_TYPE = "application/json"


def once(
    kept: Idempotency,
    key: str,
    caller: str,
    body: bytes,
    act: Callable[[], Mapping[str, object]],
    *,
    status: int = 201,
    untold: str = "",
) -> Response:
    """The answer of ``act``, or the one given before.

    Raises what ``Idempotency.begin`` raises. An act that fails gives the key back: nothing was done, so the caller may
    mend the body or try again under the same key. ``untold`` names a member that is told once and never kept.
    """
    replay = kept.begin(key, caller, sm3(body).hex())
    if replay is not None:
        return Response(replay.body, replay.status, {"Idempotency-Replayed": "true"}, replay.content_type)
    try:
        answer = dict(act())
    except BaseException:
        kept.abandon(key, caller)
        raise
    kept.finish(key, caller, status, MEDIA_TYPE, _encoded({**answer, untold: None} if untold else answer))
    return Response(_encoded(answer), status, media_type=MEDIA_TYPE)


def _encoded(answer: Mapping[str, object]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()
