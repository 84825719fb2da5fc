"""本地区条目: what this region asks the keepers to put on the trust list, and the keys it needs for that.

A keeper's key and a request key stand on the list by themselves: their certificates are self-signed, below no anchor,
so that neither can publish, seal or tell the time. Both are kept in the region's key ring (``keeper-…``, ``request``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from keys.authority import PUBLISHER, self_signed_root
from keys.software import generate_key
from trust.anchors import TrustStore
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.journal import Actor
from trust.path import check_published
from trust.request_keys import SM2, RequestKey
from trust.signed import members, moment, open_signed, sign_document, write_moment
from trust.trust_list import ANY, Entitlement, ListedKey, RegionEntry, StatusPlace, region_json
from trust.trust_list_reading import read_region

if TYPE_CHECKING:
    from keys.signer import Signer
    from licence_store.desk import Desk

FORMAT: Final = "licence-trust/region-entry/1"
REQUEST_KEY: Final = "request"
_MAX_BYTES: Final = 4 << 20
_LIFE: Final = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """本地区条目的办理."""

    desk: Desk

    def make_keeper(self, name: str, actor: Actor) -> Signer:
        """列表管理人的密钥 ``keeper-<name>``, made once. Raises ``Conflict("keys.exists")``."""
        return self._self_signed(f"keeper-{name}", f"{self.desk.region.name} {name}（信任列表管理人）", actor)

    def request_key(self, actor: Actor) -> Signer:
        """请求签名密钥, made where there is none yet."""
        try:
            return self.desk.region.keyring.signer(REQUEST_KEY)
        except NotFound:
            return self._self_signed(REQUEST_KEY, f"{self.desk.region.name}（请求签名）", actor)

    def entry(self, actor: Actor, *, upper: str = "", types: Iterable[str] = ()) -> RegionEntry:
        """What stands on the list for this region: its anchors, addresses, keys, and what it asks to be entitled to."""
        facts, store = self.desk.facts, self.desk.trust()
        base = f"{facts.base_url}/api/v1"
        key = self.request_key(actor).certificate
        return RegionEntry(
            code=facts.code,
            name=facts.name,
            anchors=store.anchors,
            intermediates=store.intermediates,
            entitlements=(Entitlement(facts.code, frozenset(types) or frozenset({ANY})),),
            endpoints={
                "api": base,
                "seal_status": f"{base}/seal-status",
                "sharing": f"{base}/sharing",
                "trust_bundle": f"{base}/trust-bundle",
                "trust_list": f"{base}/trust-list",
                "upward": f"{base}/upward",
            },
            request_keys=(ListedKey(f"{facts.code}:{REQUEST_KEY}", RequestKey(SM2, key.public_key.spki)),),
            status_places=(StatusPlace(f"{base}/status-lists/"),),
            upper=upper,
        )

    def application(self, entry: RegionEntry, at: datetime) -> bytes:
        """入列申请: the entry, signed by our publisher, for the keepers to look at."""
        signer = self.desk.region.keyring.signer("publisher")
        payload: dict[str, object] = {"format": FORMAT, "made": write_moment(at), "region": region_json(entry)}
        return sign_document(payload, signer.sign, [signer.certificate.der])

    def _self_signed(self, key_name: str, title: str, actor: Actor) -> Signer:
        now, key = self.desk.clock().replace(microsecond=0), generate_key()
        subject = {"country_name": "CN", "organization_name": self.desk.region.name, "common_name": title[:64]}
        certificate = self_signed_root(subject, key, now - timedelta(hours=1), now + _LIFE, profile=PUBLISHER)
        signer = self.desk.region.keyring.add(key_name, key, certificate)
        details = {"certificate": certificate.digest.hex()}
        self.desk.journal.record(actor=actor, action="key.make", subject=key_name, details=details)
        return signer


def read_application(data: bytes) -> RegionEntry:
    """An application, its signature checked up to an anchor for BUNDLE *in it*: that it is the region's own word is for
    the keepers to find out elsewhere. Raises ``Malformed("region_entry.malformed")``.
    """
    try:
        document = open_signed(data, FORMAT, limit=_MAX_BYTES)
        payload = members(dict(document.payload), {"format", "made", "region"})
        entry, made = read_region(payload["region"]), moment(payload, "made")
        store = TrustStore(entry.anchors, entry.intermediates, region=entry.code)
        try:
            check_published(document, store, made, known_at=made)
        except LicenceTrustError as error:
            if not error.code.startswith("revocation."):  # no list at hand; the keepers ask the authority itself
                raise
    except LicenceTrustError as error:
        raise Malformed("region_entry.malformed", "入列申请无法读取：{reason}", reason=error.message) from error
    return entry


def entitled(entry: RegionEntry, entitlements: Iterable[Entitlement]) -> RegionEntry:
    """The entry with what the keepers give it instead of what it asked for."""
    given = tuple(entitlements)
    return replace(entry, entitlements=given) if given else entry
