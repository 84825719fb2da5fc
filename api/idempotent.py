"""一次办理: run an act once for an ``Idempotency-Key``; asked again, give the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

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
    replay = _replayed(kept, key, caller, body)
    if replay is not None:
        return replay
    with _abandoned_on_failure(kept, key, caller):
        answer = dict(act())
    kept.finish(key, caller, status, MEDIA_TYPE, _encoded({**answer, untold: None} if untold else answer))
    return Response(_encoded(answer), status, media_type=MEDIA_TYPE)


def once_file(
    kept: Idempotency, key: str, caller: str, body: bytes, act: Callable[[], bytes], *, media_type: str
) -> Response:
    """As ``once``, for an act whose answer is a file."""
    replay = _replayed(kept, key, caller, body)
    if replay is not None:
        return replay
    with _abandoned_on_failure(kept, key, caller):
        answer = act()
    kept.finish(key, caller, 200, media_type, answer)
    return Response(answer, 200, media_type=media_type)


def _replayed(kept: Idempotency, key: str, caller: str, body: bytes) -> Response | None:
    replay = kept.begin(key, caller, sm3(body).hex())
    if replay is None:
        return None
    return Response(replay.body, replay.status, {"Idempotency-Replayed": "true"}, replay.content_type)


@contextmanager
def _abandoned_on_failure(kept: Idempotency, key: str, caller: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        kept.abandon(key, caller)
        raise


def _encoded(answer: Mapping[str, object]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()
