"""信任库的保管: the region's anchors on disk, changed one act at a time; each act is journalled and counts at once.

trust/anchors.json             anchors with purposes and periods, and the intermediates, by file name
trust/<name>.cert.pem          the certificates
trust/<SM3, 16 hex>.crl        lists of other authorities, imported
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licence_store.folder import read, write
from trust import anchor_changes
from trust.anchor_changes import ListedAnchor
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate, load_certificate
from trust.chains import load_certificates_any
from trust.crl import CertificateList, load_crl
from trust.errors import Conflict, Malformed, Refused
from trust.journal import Actor, Journal
from trust.path import issuers_of
from trust.revocation import crl_signed_by

if TYPE_CHECKING:
    from licence_store.region import Region


@dataclass(frozen=True, slots=True)
class AnchorKeeper:
    """信任库保管. One process at a time changes a region's anchors; others see the change at their next question."""

    region: Region
    journal: Journal
    clock: Callable[[], datetime]

    def list(self) -> tuple[ListedAnchor, ...]:
        """信任锚清单 as it stands now."""
        return anchor_changes.list_anchors(self.region.trust_store(), self.clock())

    def add(
        self,
        certificate: Certificate,
        purposes: Iterable[Purpose],
        actor: Actor,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        reason: str = "",
    ) -> None:
        """导入信任锚. Raises as ``trust.anchor_changes.add_anchor`` does."""
        store = self.region.trust_store()
        chosen = list(purposes)
        changed = anchor_changes.add_anchor(
            store, certificate, chosen, moment=self.clock(), valid_from=begin, valid_to=end
        )
        self._keep(changed)
        words = " ".join(sorted(chosen))
        self._note(actor, "trust.import", certificate, reason, {"purposes": words})

    def add_intermediates(self, data: bytes, actor: Actor, *, reason: str = "") -> tuple[Certificate, ...]:
        """导入中间证书: CA certificates below an anchor we have. Raises ``Refused("anchor.no_issuer")``."""
        store = self.region.trust_store()
        known = {one.digest for one in store.intermediates}
        new = tuple(one for one in load_certificates_any(data) if one.digest not in known)
        extended = store.changed(intermediates=(*store.intermediates, *new))
        for one in new:
            if not one.is_ca or not issuers_of(one, extended):
                raise Refused("anchor.no_issuer", "“{name}”不是信任库中某个机构签发的 CA 证书。", name=one.common_name)
        self._keep(extended)
        for one in new:
            self._note(actor, "trust.import", one, reason, {"purposes": "intermediate"})
        return new

    def add_crl(self, data: bytes, actor: Actor, *, reason: str = "") -> CertificateList:
        """导入废止列表 of another authority; an older one of the same is replaced.

        Raises ``Malformed("crl.*")``, ``Refused("revocation.stranger")``, ``Conflict("revocation.older")``.
        """
        crl, store = load_crl(data), self.region.trust_store()
        issuers = store.issuers_by_name.get(crl.issuer_name_der, ())
        if not any(crl_signed_by(issuer, crl) for issuer in issuers):
            raise Refused("revocation.stranger", "该废止列表不是信任库中的机构签发的。")
        same = [one for one in store.crls if one.issuer_name_der == crl.issuer_name_der]
        if any(one.this_update >= crl.this_update for one in same):
            raise Conflict("revocation.older", "库中的废止列表不比它旧。")
        from trust.algorithms import sm3

        write(self._folder / f"{sm3(crl.issuer_name_der).hex()[:16]}.crl", crl.der)
        self._note(actor, "trust.import", issuers[0], reason, {"purposes": "crl"})
        return crl

    def remove(
        self, digest: bytes, actor: Actor, *, since: datetime | None = None, forget: bool = False, reason: str
    ) -> None:
        """移出, or with ``forget`` 抹除 for the past too. Raises ``NotFound("anchor.unknown")``, ``Refused``."""
        if not reason.strip():
            raise Refused("anchor.no_reason", "移出信任锚必须写明理由。")
        store = self.region.trust_store()
        certificate = next((a.certificate for a in store.anchors if a.certificate.digest == digest), None)
        if forget:
            changed = anchor_changes.forget_anchor(store, digest)
        else:
            changed = anchor_changes.remove_anchor(store, digest, moment=self.clock(), since=since)
        assert certificate is not None
        self._keep(changed)
        self._note(actor, "trust.forget" if forget else "trust.remove", certificate, reason, {})

    def roll_over(
        self, old: bytes, successor: Certificate, actor: Actor, *, begins_at: datetime, ends_at: datetime, reason: str
    ) -> None:
        """换代 with an overlap. Raises as ``trust.anchor_changes.roll_over`` does."""
        changed = anchor_changes.roll_over(
            self.region.trust_store(), old, successor, moment=self.clock(), begins_at=begins_at, ends_at=ends_at
        )
        self._keep(changed)
        self._note(actor, "trust.roll_over", successor, reason, {"replaces": old.hex()})

    # Files

    def _keep(self, store: TrustStore) -> None:
        """Certificates first, then the list that names them."""
        names = self._names()
        for one in (*(anchor.certificate for anchor in store.anchors), *store.intermediates):
            if one.digest not in names:
                names[one.digest] = f"{one.digest.hex()[:16]}.cert.pem"
                write(self._folder / names[one.digest], one.to_pem())
        stated = {
            "anchors": [_stated(anchor, names) for anchor in store.anchors],
            "intermediates": [names[one.digest] for one in store.intermediates],
        }
        write(self._folder / "anchors.json", json.dumps(stated, indent=2).encode() + b"\n")

    def _names(self) -> dict[bytes, str]:
        """The files that hold certificates already."""
        return {load_certificate(read(path)).digest: path.name for path in sorted(self._folder.glob("*.cert.pem"))}

    @property
    def _folder(self) -> Path:
        return self.region.directory / "trust"

    def _note(self, actor: Actor, action: str, certificate: Certificate, reason: str, details: dict[str, str]) -> None:
        details = {"certificate": certificate.digest.hex(), **details}
        subject = certificate.common_name[:200]
        self.journal.record(actor=actor, action=action, subject=subject, reason=reason, details=details)


def parse_digest(text: str) -> bytes:
    """A certificate's SM3 in hex. Raises ``Malformed("anchor.digest")``."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise Malformed("anchor.digest", "证书摘要应为 64 位十六进制数（SM3），实为“{got}”。", got=text[:70])
    return found


def _stated(anchor: TrustAnchor, names: dict[bytes, str]) -> dict[str, Any]:
    periods = {"valid_from": anchor.valid_from, "valid_to": anchor.valid_to, "removed_at": anchor.removed_at}
    texts = {name: moment.isoformat() if moment else "" for name, moment in periods.items()}
    return {
        "certificate": names[anchor.certificate.digest],
        "purposes": sorted(anchor.purposes),
        **{name: text for name, text in texts.items() if text or name != "removed_at"},
    }
