"""Time stamps from outside: asked in turn, checked before use, never trusted for their word."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import tsp
from hypothesis import given
from hypothesis import strategies as st

from keys.authority import TSA
from keys.clock import GuardedClock
from keys.remote import RemoteTimestamper
from keys.timestamping import TimeStampAuthority
from tests.authority import MOMENT, Authority, make_authority
from tests.keys.openssl import needs_openssl, read
from tests.trust.http_server import running_server
from trust.algorithms import SHA256, sm3
from trust.errors import Malformed, Unavailable
from trust.fetching import Exchange, HTTPFetcher
from trust.timestamp import check_timestamp, load_timestamp
from trust.timestamp_protocol import build_timestamp_request, open_timestamp_response

ONE, TWO, THREE = "http://one.example/", "http://two.example/", "http://three.example/"
SECOND = timedelta(seconds=1)

Respond = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


@dataclass
class Net:
    answers: dict[str, Respond] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetch(self, exchange: Exchange) -> bytes:
        self.asked.append(exchange.url)
        if exchange.url not in self.answers:
            raise Unavailable("fetch.timeout", "信息源 {url} 未在限定时间内应答。", url=exchange.url)
        assert exchange.body is not None and exchange.content_type == "application/timestamp-query"
        return self.answers[exchange.url](exchange.body)


@dataclass
class World:
    authority: Authority
    net: Net
    now: datetime = MOMENT
    policy: str | None = None

    def timestamper(self, *urls: str) -> RemoteTimestamper:
        return RemoteTimestamper(urls, self.net, self.authority.store, lambda: self.now, policy=self.policy)

    def code(self, *urls: str) -> str:
        with pytest.raises(Unavailable) as met:
            self.timestamper(*urls).stamp(b"data")
        assert met.value.code == "timestamp.unavailable"
        return str(met.value.params["reasons"])


@pytest.fixture
def world(authority: Authority) -> World:
    return World(authority, Net())


def test_the_first_that_answers(world: World) -> None:
    world.net.answers[TWO] = world.authority.timestamper().respond
    timestamper = world.timestamper(ONE, TWO)
    token = timestamper.stamp(b"data")
    verified = check_timestamp(token, b"data", world.authority.store(), known_at=MOMENT)
    assert verified.time == MOMENT and world.net.asked == [ONE, TWO]
    timestamper.stamp(b"more")
    assert world.net.asked == [ONE, TWO, TWO]  # one failed a moment ago
    world.now += timedelta(seconds=31)
    world.net.answers[ONE] = world.authority.timestamper().respond
    timestamper.stamp(b"again")
    assert world.net.asked[-1] == ONE


def test_nobody_answers(world: World) -> None:
    reasons = world.code(ONE, TWO)
    assert ONE in reasons and TWO in reasons
    assert world.code() == "-"


def bad_answers(authority: Authority) -> dict[str, Respond]:
    good = authority.timestamper()
    stranger = TimeStampAuthority(
        authority.issue("stranger", TSA, ca=authority.self_signed("nobody")), clock=lambda: MOMENT
    )
    request = build_timestamp_request(sm3(b"data"), nonce=7)
    return {
        "a replay": lambda body: good.respond(request),
        "no nonce": lambda body: good.respond(build_timestamp_request(sm3(b"data"))),
        "of other data": lambda body: good.respond(build_timestamp_request(sm3(b"other"), nonce=7)),
        "a stranger": stranger.respond,
        "an hour ago": authority.timestamper(MOMENT - timedelta(hours=1)).respond,
        "in two minutes": authority.timestamper(MOMENT + timedelta(minutes=2)).respond,
        "a refusal": lambda body: good.respond(b""),
        "noise": lambda body: b"\x30\x00",
        "nothing": lambda body: b"",
        "a page": lambda body: b"<html>",
        "the token alone": lambda body: good.stamp(b"data"),
        "altered": lambda body: good.respond(body)[:-3] + b"abc",
    }


@pytest.mark.parametrize(
    "which",
    [
        "a replay", "no nonce", "of other data", "a stranger", "an hour ago", "in two minutes", "a refusal", "noise",
        "nothing", "a page", "the token alone", "altered",
    ],
)  # fmt: skip
def test_what_is_not_used(world: World, which: str) -> None:
    world.net.answers = {ONE: bad_answers(world.authority)[which], TWO: world.authority.timestamper().respond}
    assert ONE in world.code(ONE)
    assert load_timestamp(world.timestamper(ONE, TWO).stamp(b"data")).gen_time == MOMENT


def test_a_policy_that_is_asked_for(world: World) -> None:
    world.policy = "1.2.156.1.1"
    world.net.answers[ONE] = world.authority.timestamper().respond
    assert "unacceptedPolicy" in world.code(ONE)

    def careless(body: bytes) -> bytes:
        asked = tsp.TimeStampReq.load(body)
        nonce = asked["nonce"].native
        return world.authority.timestamper().respond(build_timestamp_request(sm3(b"data"), nonce=nonce))

    world.net.answers[ONE] = careless
    assert "timestamp.policy" in world.code(ONE)


def test_over_http(authority: Authority) -> None:
    """Both ends are ours; openssl asks ours, and reads our question, in the tests below and in tests/interop."""
    with running_server() as server:
        server.answers["/tsa"] = authority.timestamper().respond
        timestamper = RemoteTimestamper(
            (f"{server.url}/gone", f"{server.url}/tsa"),
            HTTPFetcher(allow_private=True),
            authority.store,
            lambda: MOMENT,
        )
        assert load_timestamp(timestamper.stamp(b"data")).imprint == sm3(b"data")
        assert server.asked == [("POST", "/gone"), ("POST", "/tsa")]


# ---------------------------------------------------------------- questions and answers


def test_our_question_as_others_read_it() -> None:
    request = build_timestamp_request(sm3(b"data"), nonce=1 << 63, policy="1.2.3")
    parsed = tsp.TimeStampReq.load(request, strict=True)
    assert parsed["nonce"].native == 1 << 63 and parsed["cert_req"].native is True
    assert parsed["req_policy"].native == "1.2.3"
    assert parsed["message_imprint"]["hashed_message"].native == sm3(b"data")
    with pytest.raises(Malformed) as met:
        build_timestamp_request(b"short", algorithm=SHA256)
    assert met.value.code == "timestamp.imprint"


@needs_openssl
def test_openssl_reads_our_question(tmp_path: Path) -> None:
    (tmp_path / "q.tsq").write_bytes(build_timestamp_request(sm3(b"data"), nonce=0x1122334455667788))
    text = read("ts", "-query", "-in", tmp_path / "q.tsq", "-text")
    assert "Hash Algorithm: sm3" in text and "0x1122334455667788" in text and "Certificate required: yes" in text


@pytest.mark.parametrize(
    ("status", "failure", "word"),
    [
        (2, b"\x03\x02\x05\x20", "badRequest"),
        (2, b"\x03\x03\x00\x00\x02", "timeNotAvailable"),
        (3, b"", "-"),
        (5, b"", "-"),
    ],
)
def test_refusals_say_why(status: int, failure: bytes, word: str) -> None:
    info = b"\x02\x01" + bytes((status,)) + failure
    whole = b"\x30" + bytes((len(info) + 2,)) + b"\x30" + bytes((len(info),)) + info
    with pytest.raises(Unavailable, match=word) as met:
        open_timestamp_response(whole)
    assert met.value.code == "timestamp.refused"


def test_granted_without_a_token() -> None:
    with pytest.raises(Unavailable):
        open_timestamp_response(b"\x30\x05\x30\x03\x02\x01\x00")


@given(st.binary(max_size=60))
def test_noise(noise: bytes) -> None:
    with pytest.raises((Malformed, Unavailable)):
        open_timestamp_response(noise)


@given(st.data())
def test_damage(data: st.DataObject) -> None:
    whole = bytearray(make_authority().timestamper().respond(build_timestamp_request(bytes(32), nonce=5)))
    whole[data.draw(st.integers(0, 1400))] ^= data.draw(st.integers(1, 255))
    with suppress(Malformed, Unavailable):
        open_timestamp_response(bytes(whole))


def test_accuracy_and_nonce_are_read(authority: Authority) -> None:
    tsa = authority.tsa
    for accuracy in (SECOND, timedelta(milliseconds=1500), timedelta(microseconds=7)):
        asked = TimeStampAuthority(tsa, clock=lambda: MOMENT, accuracy=accuracy)
        nonce = secrets.randbits(64)
        token = load_timestamp(open_timestamp_response(asked.respond(build_timestamp_request(bytes(32), nonce=nonce))))
        assert token.accuracy == accuracy and token.nonce == nonce
    assert load_timestamp(authority.stamp(b"x")).nonce is None


# ---------------------------------------------------------------- the authority's clock


@dataclass
class Clocks:
    wall: datetime = MOMENT
    ticks: float = 100.0

    def guarded(self, **options: object) -> GuardedClock:
        return GuardedClock(wall=lambda: self.wall, monotonic=lambda: self.ticks, **options)  # type: ignore[arg-type]

    def pass_time(self, seconds: float, *, wall: float | None = None) -> None:
        self.ticks += seconds
        self.wall += timedelta(seconds=seconds if wall is None else wall)


@pytest.mark.parametrize(
    ("seconds", "wall", "trusted"),
    [
        (60, 60, True),
        (60, 60.5, True),
        (60, 59.5, True),
        (60, 62, False),  # jumped ahead
        (60, 57, False),
        (1, -10, False),  # set back
        (0, 3600, False),
        (0, 0, True),
        (3600, 3602.5, True),  # slewed
        (3600, 3604, False),
    ],
)
def test_a_clock_that_jumps_is_not_told(seconds: float, wall: float, trusted: bool) -> None:
    clocks = Clocks()
    clock = clocks.guarded()
    assert clock() == MOMENT
    clocks.pass_time(seconds, wall=wall)
    if trusted:
        assert clock() >= MOMENT
        return
    with pytest.raises(Unavailable) as met:
        clock()
    assert met.value.code == "timestamp.clock"
    with pytest.raises(Unavailable):
        clock()  # until an operator has looked
    clock.reset()
    assert clock() == clocks.wall


def test_time_never_runs_backwards() -> None:
    clocks = Clocks()
    clock = clocks.guarded()
    clocks.pass_time(10)
    told = clock()
    clocks.pass_time(0.1, wall=-0.2)
    assert clock() == told


def test_after_a_restart_no_earlier_time_is_told() -> None:
    clocks = Clocks()
    with pytest.raises(Unavailable):
        clocks.guarded(last_told=MOMENT + timedelta(minutes=5))()
    assert clocks.guarded(last_told=MOMENT - timedelta(minutes=5))() == MOMENT


def test_compared_with_a_time_from_elsewhere() -> None:
    clock = Clocks().guarded()
    assert clock.check_against(MOMENT - timedelta(milliseconds=300)) == timedelta(milliseconds=300)
    assert clock.check_against(MOMENT - 2 * SECOND, uncertainty=SECOND) == 2 * SECOND
    with pytest.raises(Unavailable):
        clock.check_against(MOMENT + 5 * SECOND)


def test_an_authority_that_doubts_its_clock_stamps_nothing(authority: Authority) -> None:
    clocks = Clocks()
    tsa = TimeStampAuthority(authority.tsa, clock=clocks.guarded())
    assert load_timestamp(tsa.stamp(b"x")).gen_time == MOMENT
    clocks.pass_time(1, wall=-3600)
    with pytest.raises(Unavailable):
        tsa.stamp(b"x")
    with pytest.raises(Unavailable, match="timeNotAvailable"):
        open_timestamp_response(tsa.respond(build_timestamp_request(bytes(32))))
