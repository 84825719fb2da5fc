"""废止信息源: CRLs and OCSP answers fetched where certificates say they are, kept, and asked for again in time.

``RevocationSources.current(store, certificates)`` gives a store with the evidence for these certificates. Every
piece is believed before it is kept. A source that is silent never stops anything here: the store names it,
and a check that lacks its evidence says so (``revocation.source_silent``).

    sources = RevocationSources(HTTPFetcher(), clock)
    store = sources.current(store, (signer, *others))     # the same object as long as nothing is new

Only addresses in certificates signed by an issuer the store knows are asked, so that nobody can make
this machine ask where he likes.
"""

from __future__ import annotations

import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import quote

from trust.algorithms import SHA1, SM3
from trust.anchors import TrustStore
from trust.certificates import Certificate
from trust.crl import CertificateList, load_crl
from trust.errors import LicenceTrustError, Malformed, Unavailable
from trust.fetching import Exchange, Fetcher
from trust.ocsp import MAX_SKEW, OCSPResponse, build_ocsp_request, check_responder, load_ocsp
from trust.path import issuers_of
from trust.revocation import SilentSource, crl_signed_by

_MAX_URLS: Final = 4
"""Most addresses of one kind asked for one certificate."""
_MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Freshness:
    """新鲜度策略: when evidence is asked for again."""

    crl_age: timedelta = timedelta(hours=1)
    """A list is asked for again after this, however long it says it is good."""
    ocsp_age: timedelta = timedelta(minutes=10)
    retry: timedelta = timedelta(minutes=1)
    """A source that was silent is left alone for this long."""
    prefer_ocsp: bool = True
    """Ask responders first and lists only where none answers; otherwise the other way round."""
    entries: int = 4096
    """Most pieces of evidence kept."""


class _Kept(NamedTuple):
    """What a source last said, and when to ask it again."""

    evidence: CertificateList | OCSPResponse | None
    ask_at: datetime
    silent: SilentSource | None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, eq=False)
class RevocationSources:
    """废止信息源 asked through ``fetcher``. Safe to share between threads."""

    fetcher: Fetcher
    clock: Callable[[], datetime] = _now
    """Aware."""
    freshness: Freshness = field(default_factory=Freshness)
    crl_limit: int = 32 << 20
    """Most octets of a list."""
    ocsp_limit: int = 1 << 17
    _kept: dict[tuple[str, bytes], _Kept] = field(init=False, repr=False, default_factory=dict)
    _stores: dict[object, TrustStore] = field(init=False, repr=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def current(self, store: TrustStore, certificates: Iterable[Certificate]) -> TrustStore:
        """``store`` with fresh evidence for ``certificates`` and for the issuers above them.

        Never raises. As long as nothing is new, the same object comes back, with all it remembers.
        """
        found = [kept for pair in _links(store, certificates) for kept in self._evidence(*pair)]
        evidence = {_digest(kept.evidence): kept.evidence for kept in found if kept.evidence is not None}
        silent = {kept.silent.url: kept.silent for kept in found if kept.silent is not None}
        if not evidence and not silent:
            return store
        return self._extended(store, tuple(evidence.values()), tuple(silent.values()))

    def refresh(self, store: TrustStore) -> TrustStore:
        """``current`` for the anchors and intermediates of ``store``: to be run now and then, beside requests."""
        return self.current(store, (*store.intermediates, *(anchor.certificate for anchor in store.anchors)))

    def silent(self) -> tuple[SilentSource, ...]:
        """Which sources gave nothing when last asked; asks nobody."""
        with self._lock:
            return tuple(kept.silent for kept in self._kept.values() if kept.silent is not None)

    def _extended(
        self, store: TrustStore, evidence: tuple[CertificateList | OCSPResponse, ...], silent: tuple[SilentSource, ...]
    ) -> TrustStore:
        key = (id(store), tuple(map(_digest, evidence)), silent)
        with self._lock:
            known = self._stores.get(key)
            if known is None:
                crls = {c.digest: c for c in (*store.crls, *(e for e in evidence if isinstance(e, CertificateList)))}
                ocsp = {r.digest: r for r in (*store.ocsp, *(e for e in evidence if isinstance(e, OCSPResponse)))}
                known = store.changed(crls=tuple(crls.values()), ocsp=tuple(ocsp.values()), silent=silent)
                if len(self._stores) >= 64:
                    self._stores.clear()
                self._stores[key] = known
                self._stores[id(store)] = store  # kept alive, so that its id stays its own
            return known

    # ------------------------------------------------------------ one certificate

    def _evidence(self, certificate: Certificate, issuer: Certificate) -> Iterator[_Kept]:
        """From the first kind of source that gives anything; the silence of the others comes along."""
        kinds = (self._ocsp, self._crl) if self.freshness.prefer_ocsp else (self._crl, self._ocsp)
        for kind in kinds:
            answered = False
            for kept in kind(certificate, issuer):
                yield kept
                answered = answered or kept.evidence is not None
            if answered:
                return

    def _ocsp(self, certificate: Certificate, issuer: Certificate) -> Iterator[_Kept]:
        for url in certificate.ocsp_urls[:_MAX_URLS]:
            kept = self._ask(
                (url, certificate.digest),
                issuer,
                lambda now, url=url: self._fetch_ocsp(url, certificate, issuer, now),  # type: ignore[misc]
            )
            yield kept
            if kept.evidence is not None:
                return

    def _crl(self, certificate: Certificate, issuer: Certificate) -> Iterator[_Kept]:
        for url in certificate.crl_urls[:_MAX_URLS]:
            kept = self._ask(
                (url, issuer.digest),
                issuer,
                lambda now, url=url: self._fetch_crl(url, issuer, now),  # type: ignore[misc]
            )
            yield kept
            if kept.evidence is not None:
                return

    def _ask(
        self,
        key: tuple[str, bytes],
        issuer: Certificate,
        fetch: Callable[[datetime], tuple[CertificateList | OCSPResponse, datetime]],
    ) -> _Kept:
        """What ``key`` last said, or says now. What is still good outlives the silence of its source."""
        now = self.clock()
        old = self._kept.get(key)
        if old is not None and now < old.ask_at:
            return old
        try:
            evidence, ask_at = fetch(now)
            kept = _Kept(evidence, ask_at, None)
        except LicenceTrustError as error:
            silent = SilentSource(key[0], issuer.subject_name_der, error.code, error.message)
            good = old is not None and old.evidence is not None and now <= _good_until(old.evidence)
            kept = _Kept(old.evidence if good and old else None, now + self.freshness.retry, silent)
        with self._lock:
            if len(self._kept) >= self.freshness.entries:
                self._kept.clear()
            self._kept[key] = kept
        return kept

    # ------------------------------------------------------------ one source

    def _fetch_crl(self, url: str, issuer: Certificate, now: datetime) -> tuple[CertificateList, datetime]:
        crl = load_crl(self.fetcher.fetch(Exchange(url, accept="application/pkix-crl, */*", limit=self.crl_limit)))
        if crl.issuer_name_der != issuer.subject_name_der or not crl_signed_by(issuer, crl):
            raise Malformed("source.signature", "信息源 {url} 的废止列表不是由所问机构签发的。", url=url[:200])
        if crl.next_update is None or crl.next_update <= now:
            raise Malformed("source.stale", "信息源 {url} 的应答已过期或尚未生效。", url=url[:200])
        return crl, min(now + self.freshness.crl_age, crl.next_update)

    def _fetch_ocsp(
        self, url: str, certificate: Certificate, issuer: Certificate, now: datetime
    ) -> tuple[OCSPResponse, datetime]:
        """Asked naming the issuer by SM3 and, where the responder does not take that, by SHA-1."""
        try:
            return self._fetch_answer(url, certificate, issuer, now, SM3)
        except Unavailable as refused:
            if refused.code != "ocsp.refused" or refused.params.get("status") == "tryLater":
                raise
            return self._fetch_answer(url, certificate, issuer, now, SHA1)

    def _fetch_answer(
        self, url: str, certificate: Certificate, issuer: Certificate, now: datetime, algorithm: str
    ) -> tuple[OCSPResponse, datetime]:
        nonce = secrets.token_bytes(32)
        request = build_ocsp_request(certificate, issuer, nonce=nonce, algorithm=algorithm)
        asked = Exchange(url, request, "application/ocsp-request", "application/ocsp-response", self.ocsp_limit)
        response = load_ocsp(self.fetcher.fetch(asked))
        answer = response.about(certificate, issuer)
        if answer is None:
            raise Malformed("source.not_about", "信息源 {url} 没有回答所问的证书。", url=url[:200])
        if response.nonce is not None and response.nonce != nonce:
            raise Malformed("source.replayed", "信息源 {url} 的应答与提问的随机数不符，可能是重放。", url=url[:200])
        if not answer.this_update - MAX_SKEW <= now <= answer.fresh_until:
            raise Malformed("source.stale", "信息源 {url} 的应答已过期或尚未生效。", url=url[:200])
        check_responder(response, issuer, known_at=now)
        return response, min(now + self.freshness.ocsp_age, answer.fresh_until)


def ocsp_get_url(base: str, request: bytes) -> str:
    """The address of a request by GET (RFC 6960, appendix A.1): for caches on the way."""
    return base.rstrip("/") + "/" + quote(b64encode(request).decode("ascii"), safe="")


def _links(store: TrustStore, certificates: Iterable[Certificate]) -> Iterator[tuple[Certificate, Certificate]]:
    """Each certificate with an issuer that ``store`` knows and that signed it, upwards to an anchor."""
    waiting, met = [(c, 0) for c in certificates], set()
    while waiting:
        certificate, depth = waiting.pop()
        if certificate.digest in met or certificate.digest in store.anchors_by_digest or depth >= _MAX_DEPTH:
            continue
        met.add(certificate.digest)
        for issuer in issuers_of(certificate, store):
            yield certificate, issuer
            waiting.append((issuer, depth + 1))


def _good_until(evidence: CertificateList | OCSPResponse) -> datetime:
    if isinstance(evidence, CertificateList):
        return evidence.next_update or evidence.this_update
    return min(answer.fresh_until for answer in evidence.answers)


def _digest(evidence: CertificateList | OCSPResponse | None) -> bytes:
    return evidence.digest if evidence is not None else b""
