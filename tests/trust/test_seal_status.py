"""Published histories of seals: read back as written, nothing odd accepted, exact for any moment."""

from __future__ import annotations

import zlib
from base64 import b64encode
from datetime import datetime, timedelta

import pytest

from tests.authority import MOMENT, make_authority
from trust.canonical import parse_json
from trust.errors import CheckFailed, Malformed
from trust.path import check_published
from trust.seal_status import (
    SealHistory,
    SealStatusList,
    build_seal_status_list,
    load_seal_status_list,
    whole_second,
)
from trust.signed import sign_document

A, B = "a" * 64, "b" * 64
HOUR = timedelta(hours=1)
LOST = SealHistory(
    ((MOMENT, "INACTIVE"), (MOMENT + HOUR, "VALID"), (MOMENT + 4 * HOUR, "FROZEN"), (MOMENT + 2 * HOUR, "LOST")),
    ((A, MOMENT), (B, MOMENT + 3 * HOUR)),
)
PLAIN = SealHistory(((MOMENT, "VALID"),), ((B, MOMENT),))


def published(**seals: SealHistory) -> bytes:
    publisher = make_authority().publisher
    return build_seal_status_list(
        seals,
        region="990000",
        issued_at=MOMENT,
        next_update=MOMENT + 24 * HOUR,
        sign=publisher.sign,
        signer_chain=[publisher.certificate.der],
    )


def altered(**changes: str) -> bytes:
    """A list with some members of its payload changed, and signed again."""
    document = parse_json(published(s=PLAIN))
    assert isinstance(document, dict)
    payload = document["payload"]
    assert isinstance(payload, dict)
    publisher = make_authority().publisher
    return sign_document({**payload, **changes}, publisher.sign, [publisher.certificate.der])


def lines(text: str) -> str:
    return b64encode(zlib.compress(text.encode())).decode()


def test_read_back_as_written() -> None:
    read = load_seal_status_list(published(one=LOST, two=PLAIN))
    assert (read.history("one"), read.history("two"), read.history("three")) == (LOST, PLAIN, None)
    assert read.region == "990000"
    assert read.is_fresh(MOMENT + 24 * HOUR)
    assert not read.is_fresh(MOMENT + 25 * HOUR)
    check_published(read.document, make_authority().store(), MOMENT, known_at=MOMENT)


def test_empty_list() -> None:
    assert load_seal_status_list(published()).history("s") is None


@pytest.mark.parametrize(
    ("hours", "digest", "state"),
    [
        (-1, None, "INACTIVE"), (0, None, "INACTIVE"), (1, None, "VALID"), (1.5, A, "VALID"), (1.5, B, "INACTIVE"),
        (2, A, "LOST"), (5, None, "LOST"), (1.5, "c" * 64, "UNREGISTERED"), (-1, A, "INACTIVE"),
    ],
)  # fmt: skip
def test_standing_at(hours: float, digest: str | None, state: str) -> None:
    assert LOST.at(MOMENT + hours * HOUR, digest).state == state


def test_replaced_object() -> None:
    history = SealHistory(((MOMENT, "VALID"),), ((A, MOMENT), (B, MOMENT + HOUR)))
    at = MOMENT + HOUR
    assert [history.at(at, d).state for d in (A, B)] == ["VALID", "VALID"]  # within that second either was used
    later = history.at(at + timedelta(seconds=1), A)
    assert (later.state, later.since) == ("SUPERSEDED", at)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "licence-trust/status-list/1"}, {"count": "2"}, {"count": "x"}, {"seals": "!"}, {"seals": "AAAA"},
        {"seals": lines("s\tx\ty")}, {"next_update": "2020-01-01T00:00:00Z"}, {"issued_at": "yesterday"},
        {"seals": lines(f"s\t{A}@0\tVALID@0\ns\t{A}@0\tVALID@0\n"), "count": "2"}, {"more": "x"},
        {"seals": b64encode(zlib.compress("é".encode("latin-1"))).decode()},
        {"seals": b64encode(zlib.compress(b"") + b"x").decode()},
    ],
    ids=str,
)  # fmt: skip
def test_odd_lists(changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        load_seal_status_list(altered(**changes))


@pytest.mark.parametrize(
    "line",
    [
        "", "\t", f"{A}@0\t", "@0\tVALID@0", f"{A}\tVALID@0", f"{A}@0\tSUPERSEDED@0", f"{A}@0\tGOOD@0",
        f"{A}@-1\tVALID@0", f"{A}@0\tVALID@", f"{A[1:]}@0\tVALID@0", f"{A}@9,{B}@1\tVALID@0", f"{A}@0\tVALID@１",
    ],
)  # fmt: skip
def test_odd_histories(line: str) -> None:
    read = load_seal_status_list(published(s=PLAIN))
    odd = SealStatusList(read.region, read.issued_at, read.next_update, {"s": line}, read.document, read.data)
    with pytest.raises(Malformed):
        odd.history("s")


def test_not_ours_is_not_believed() -> None:
    stranger = make_authority().self_signed("stranger")
    data = build_seal_status_list(
        {"s": PLAIN}, region="990000", issued_at=MOMENT, next_update=MOMENT + HOUR, sign=stranger.sign,
        signer_chain=[stranger.certificate.der],
    )  # fmt: skip
    with pytest.raises(CheckFailed):
        check_published(load_seal_status_list(data).document, make_authority().store(), MOMENT, known_at=MOMENT)


@pytest.mark.parametrize(("micro", "down", "up"), [(0, 0, 0), (1, 0, 1), (999_999, 0, 1)])
def test_whole_seconds(micro: int, down: int, up: int) -> None:
    moment = datetime.fromisoformat("2026-11-22T08:00:00+00:00")
    value = moment + timedelta(microseconds=micro)
    assert whole_second(value, up=False) == moment + timedelta(seconds=down)
    assert whole_second(value, up=True) == moment + timedelta(seconds=up)
