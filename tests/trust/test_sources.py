"""Sources of revocation: asked where certificates say, kept, asked again in time; silence is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from keys.authority import INTERMEDIATE, OCSP_RESPONDER, SIGNER, CertificateAuthority, Revocation
from keys.ocsp import ListedStandings, OCSPResponder
from keys.software import SoftwareSigner, generate_key
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from tests.trust.http_server import Answer, Server, running_server
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.crl import Revoked
from trust.errors import CheckFailed, LicenceTrustError, Unavailable
from trust.fetching import Exchange, HTTPFetcher
from trust.path import check_certificate
from trust.sources import Freshness, RevocationSources, ocsp_get_url

CRL, OCSP = "http://crl.example/issuing.crl", "http://ocsp.example/"
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


@dataclass
class Net:
    """A ``Fetcher`` of canned answers that counts who was asked."""

    answers: dict[str, object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetch(self, exchange: Exchange) -> bytes:
        self.asked.append(exchange.url)
        answer = self.answers.get(exchange.url)
        if answer is None:
            raise Unavailable("fetch.timeout", "信息源 {url} 未在限定时间内应答。", url=exchange.url)
        return answer(exchange.body) if callable(answer) else answer  # type: ignore[return-value]


@dataclass
class World:
    authority: Authority
    net: Net
    now: datetime = MOMENT
    freshness: Freshness = field(default_factory=Freshness)

    def __post_init__(self) -> None:
        self.store = self.authority.store(crls=())
        self.sources = RevocationSources(self.net, lambda: self.now, self.freshness)

    def signer(self, *, crl: tuple[str, ...] = (), ocsp: tuple[str, ...] = ()) -> Certificate:
        key = generate_key()
        return CertificateAuthority(self.authority.issuing_ca).issue(
            {"common_name": "某局"}, key.public_key, SIGNER, MOMENT - DAY, MOMENT + YEAR, crl_urls=crl, ocsp_urls=ocsp
        )

    def crl(self, *revoked: Revocation, at: datetime | None = None, ca: SoftwareSigner | None = None) -> bytes:
        begin = at or self.now - MINUTE
        return CertificateAuthority(ca or self.authority.issuing_ca).crl(revoked, begin, begin + 7 * DAY, 9)

    def responder(self, certificate: Certificate, revoked: Revoked | None = None) -> OCSPResponder:
        issuer = self.authority.issuing_ca.certificate
        entries = {} if revoked is None else {certificate.serial: revoked}
        standings = ListedStandings(frozenset({certificate.serial}), entries)
        signer = self.authority.issue("在线状态服务", OCSP_RESPONDER)
        return OCSPResponder(issuer, signer, standings, lambda: self.now)

    def verdict(self, certificate: Certificate, store: TrustStore | None = None) -> str:
        current = store or self.sources.current(self.store, [certificate])
        try:
            check_certificate(certificate, current, Purpose.SIGNER, MOMENT, known_at=self.now, proved=True)
        except CheckFailed as failure:
            return failure.code
        return "ok"


@pytest.fixture
def world(authority: Authority) -> World:
    return World(authority, Net())


def test_a_list_is_fetched_once_and_asked_for_again_in_time(world: World) -> None:
    certificate = world.signer(crl=(CRL,))
    world.net.answers[CRL] = world.crl()
    assert world.verdict(certificate) == "ok"
    first = world.sources.current(world.store, [certificate])
    assert world.sources.current(world.store, [certificate]) is first
    world.now += timedelta(minutes=59)
    assert world.sources.current(world.store, [certificate]) is first
    assert world.net.asked == [CRL]
    world.now += 2 * MINUTE
    world.net.answers[CRL] = world.crl(Revocation(certificate.serial, MOMENT - MINUTE))
    assert world.verdict(certificate) == "revocation.revoked"
    assert world.net.asked == [CRL, CRL]


def test_what_is_still_good_outlives_the_silence_of_its_source(world: World) -> None:
    certificate = world.signer(crl=(CRL,))
    world.net.answers[CRL] = world.crl()
    assert world.verdict(certificate) == "ok"
    del world.net.answers[CRL]
    world.now += 6 * DAY
    store = world.sources.current(world.store, [certificate])
    assert world.verdict(certificate, store) == "ok"
    assert [(s.url, s.code) for s in store.silent] == [(CRL, "fetch.timeout")]
    world.now += 2 * DAY
    assert world.verdict(certificate) == "revocation.source_silent"


def test_a_silent_source_is_left_alone_for_a_while(world: World) -> None:
    certificate = world.signer(crl=(CRL,))
    assert [world.verdict(certificate) for _ in range(3)] == ["revocation.source_silent"] * 3
    assert world.net.asked == [CRL]
    world.now += 2 * MINUTE
    world.net.answers[CRL] = world.crl()
    assert world.verdict(certificate) == "ok"


def test_the_second_address_is_asked_where_the_first_is_silent(world: World) -> None:
    certificate = world.signer(crl=("ldap://directory.example/cn=crl", CRL))
    world.net.answers[CRL] = world.crl()
    assert world.verdict(certificate) == "ok"


def test_no_address_no_question(world: World) -> None:
    certificate = world.signer()
    assert world.sources.current(world.store, [certificate]) is world.store
    assert world.verdict(certificate) == "revocation.missing" and world.net.asked == []


def test_a_responder_is_asked_first(world: World) -> None:
    certificate = world.signer(crl=(CRL,), ocsp=(OCSP,))
    world.net.answers |= {OCSP: world.responder(certificate).respond, CRL: world.crl()}
    assert world.verdict(certificate) == "ok" and world.net.asked == [OCSP]


def test_the_list_is_asked_where_the_responder_is_silent(world: World) -> None:
    certificate = world.signer(crl=(CRL,), ocsp=(OCSP,))
    world.net.answers[CRL] = world.crl()
    store = world.sources.current(world.store, [certificate])
    assert world.verdict(certificate, store) == "ok" and world.net.asked == [OCSP, CRL]
    assert [s.url for s in store.silent] == [OCSP]


def test_lists_first_where_that_is_wanted(authority: Authority) -> None:
    world = World(authority, Net(), freshness=Freshness(prefer_ocsp=False))
    certificate = world.signer(crl=(CRL,), ocsp=(OCSP,))
    world.net.answers[CRL] = world.crl()
    assert world.verdict(certificate) == "ok" and world.net.asked == [CRL]


def test_a_responder_that_does_not_know(world: World) -> None:
    certificate, other = world.signer(ocsp=(OCSP,)), world.signer()
    world.net.answers[OCSP] = world.responder(other).respond
    assert world.verdict(certificate) == "revocation.unknown"


def test_a_responder_that_knows_only_sha1(world: World) -> None:
    """Old responders refuse what they cannot read; they are asked again in their way."""
    certificate = world.signer(ocsp=(OCSP,))
    real = world.responder(certificate)

    def old(body: bytes) -> bytes:
        return real.respond(body) if b"\x2b\x0e\x03\x02\x1a" in body else b"\x30\x03\x0a\x01\x01"

    world.net.answers[OCSP] = old
    assert world.verdict(certificate) == "ok" and world.net.asked == [OCSP, OCSP]


def useless(world: World, certificate: Certificate) -> dict[str, tuple[str, object]]:
    real, now = world.responder(certificate), world.now
    first = real.respond(b"")  # a refusal
    old = OCSPResponder(real.issuer, world.authority.issuing_ca, real.standings, lambda: now - 13 * timedelta(hours=1))
    stranger = world.authority.issue("x", SIGNER)
    return {
        "list of another issuer": (CRL, world.crl(ca=world.authority.ca("seal-ca"))),
        "stale list": (CRL, world.crl(at=MOMENT - 8 * DAY)),
        "noise": (CRL, b"\x30\x03abc"),
        "a page": (CRL, b"<html>please sign in</html>"),
        "empty": (CRL, b""),
        "refused": (OCSP, first),
        "noise for an answer": (OCSP, b"\x30\x80"),
        "old answer": (OCSP, old.respond),
        "about another": (OCSP, lambda body: real.answer(stranger.certificate.serial, algorithm="1.2.156.10197.1.401")),
    }


@pytest.mark.parametrize(
    "which",
    [
        "list of another issuer", "stale list", "noise", "a page", "empty", "refused", "noise for an answer",
        "old answer", "about another",
    ],
)  # fmt: skip
def test_what_is_no_use_is_as_silence(world: World, which: str) -> None:
    certificate = world.signer(crl=(CRL,), ocsp=(OCSP,))
    url, answer = useless(world, certificate)[which]
    world.net.answers[url] = answer
    store = world.sources.current(world.store, [certificate])
    assert url in [s.url for s in store.silent] and not store.crls and not store.ocsp
    assert world.verdict(certificate, store) == "revocation.source_silent"


def test_a_replayed_answer_is_noticed(world: World) -> None:
    certificate = world.signer(ocsp=(OCSP,))
    real, kept = world.responder(certificate), []

    def replay(body: bytes) -> bytes:
        kept.append(real.respond(body))
        return kept[0]

    world.net.answers[OCSP] = replay
    assert world.verdict(certificate) == "ok"
    world.now += 11 * MINUTE
    store = world.sources.current(world.store, [certificate])
    assert [s.code for s in store.silent] == ["source.replayed"]


def test_an_answer_of_an_impostor(world: World) -> None:
    certificate = world.signer(ocsp=(OCSP,))
    other = world.authority.ca("seal-ca")

    class Impostor:
        certificate = world.authority.issuing_ca.certificate
        name = ""

        def sign(self, data: bytes) -> bytes:
            return other.sign(data)

    real = world.responder(certificate)
    world.net.answers[OCSP] = OCSPResponder(real.issuer, Impostor(), real.standings, lambda: MOMENT).respond
    assert world.verdict(certificate) == "revocation.source_silent"


def test_only_addresses_of_issuers_we_know_are_asked(world: World, authority: Authority) -> None:
    """Whoever sends a document must not be able to make this machine ask where he likes."""
    unknown = authority.self_signed("nobody")
    forged = authority.forge("forged", authority.issuing_ca, sign=unknown.sign)
    assert world.sources.current(world.store, [unknown.certificate, forged.certificate]) is world.store
    assert world.net.asked == []


def test_intermediates_are_asked_about_too(world: World, authority: Authority) -> None:
    root_crl = "http://crl.example/root.crl"
    key = generate_key()
    middle = CertificateAuthority(authority.root).issue(
        {"common_name": "中级"}, key.public_key, INTERMEDIATE, MOMENT - DAY, MOMENT + YEAR, crl_urls=(root_crl,)
    )
    store = TrustStore(anchors=(TrustAnchor(authority.root.certificate),), intermediates=(middle,))
    leaf_key = generate_key()
    leaf = CertificateAuthority(SoftwareSigner(middle, key)).issue(
        {"common_name": "某局"}, leaf_key.public_key, SIGNER, MOMENT - DAY, MOMENT + YEAR, crl_urls=(CRL,)
    )
    world.net.answers[CRL] = CertificateAuthority(SoftwareSigner(middle, key)).crl([], MOMENT - DAY, MOMENT + DAY, 1)
    world.net.answers[root_crl] = CertificateAuthority(authority.root).crl([], MOMENT - DAY, MOMENT + DAY, 1)
    assert len(world.sources.current(store, [leaf]).crls) == 2
    assert len(world.sources.refresh(store).crls) == 1
    gone = [Revocation(middle.serial, MOMENT - DAY)]
    fresh = RevocationSources(world.net, lambda: MOMENT)
    world.net.answers[root_crl] = CertificateAuthority(authority.root).crl(gone, MOMENT - DAY, MOMENT + DAY, 2)
    assert world.verdict(leaf, fresh.current(store, [leaf])) == "revocation.revoked_no_poe"


def test_the_cache_is_bounded(authority: Authority) -> None:
    world = World(authority, Net(), freshness=Freshness(entries=3))
    for number in range(10):
        world.sources.current(world.store, [world.signer(crl=(f"http://crl.example/{number}",))])
    assert len(world.sources._kept) <= 3


# ---------------------------------------------------------------- over real HTTP, on this machine


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


def test_over_http(authority: Authority, server: Server) -> None:
    world = World(authority, Net())
    world.sources = RevocationSources(HTTPFetcher(allow_private=True), lambda: world.now)
    certificate = world.signer(crl=(f"{server.url}/x.crl",), ocsp=(f"{server.url}/ocsp",))
    server.answers["/ocsp"] = world.responder(certificate).respond
    server.answers["/x.crl"] = Answer(body=world.crl())
    assert world.verdict(certificate) == "ok" and server.asked == [("POST", "/ocsp")]
    assert server.headers[0]["Content-Type"] == "application/ocsp-request"
    server.answers["/ocsp"] = Answer(503)
    world.now += 11 * MINUTE
    assert world.verdict(certificate) == "ok"  # the answer is good for twelve hours
    world.now += 13 * timedelta(hours=1)
    assert world.verdict(certificate) == "ok" and server.asked[-1] == ("GET", "/x.crl")


def test_never_an_exception(authority: Authority) -> None:
    """Whatever a fetcher raises on purpose, nothing comes out."""

    class Broken:
        def fetch(self, exchange: Exchange) -> bytes:
            raise LicenceTrustError("x.y", "坏了")

    world = World(authority, Net())
    world.sources = RevocationSources(Broken(), lambda: MOMENT)
    assert world.verdict(world.signer(crl=(CRL,), ocsp=(OCSP,))) == "revocation.source_silent"


def test_a_request_by_get() -> None:
    assert ocsp_get_url("http://o.example/ocsp/", b"\xff\xfe\xfd") == "http://o.example/ocsp/%2F%2F79"
