"""印章柜: the seals of a region, opened once for use, and the folder they lie in.

seals/<seal id>.<first 16 hex of its SM3>.esl  one file for each seal object; none is ever changed
seals/<seal id>.esl                            the same, in folders of an earlier version
seals/basis/<SM3>                              basis documents (依据文件)
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from licence_store.folder import read, unwritable, write
from seal import using
from seal.database import Sessions
from seal.sealing import SealingMaterial
from seal.using import SealStanding
from trust.algorithms import sm3
from trust.errors import NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class SealFolder:
    """印章文件库 in a folder; implements ``seal.register.SealFiles``."""

    directory: Path

    def keep_object(self, seal_id: str, der: bytes) -> str:
        """Keep a seal object; answers its SM3 in hex."""
        digest = sm3(der).hex()
        write(self._place(seal_id, digest), der)
        return digest

    def object(self, seal_id: str, digest: str) -> bytes:
        """The seal object; raises ``Unavailable("seal.file_damaged")`` if it is not the one registered."""
        place = self._place(seal_id, digest)
        data = read(place if place.is_file() else self.directory / f"{seal_id}.esl")
        if sm3(data).hex() != digest:
            raise Unavailable("seal.file_damaged", "印章文件 {id} 与登记的杂凑值不符。", id=seal_id)
        return data

    def keep_basis(self, data: bytes) -> str:
        """Keep a basis document; answers its SM3 in hex."""
        digest = sm3(data).hex()
        try:
            (self.directory / "basis").mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable("basis", error) from error
        write(self.directory / "basis" / digest, data)
        return digest

    def basis(self, digest: str) -> bytes:
        """The basis document; raises ``Unavailable("seal.basis_damaged")``."""
        data = read(self.directory / "basis" / digest) if digest.isalnum() else b""
        if sm3(data).hex() != digest:
            raise Unavailable("seal.basis_damaged", "依据文件与登记的杂凑值不符。")
        return data

    def _place(self, seal_id: str, digest: str) -> Path:
        return self.directory / f"{seal_id}.{digest[:16]}.esl"


@dataclass(frozen=True)
class SealCabinet:
    """印章柜. What it has opened it keeps, until ``look`` finds that the register says otherwise."""

    sessions: Sessions
    open: Callable[[SealStanding], SealingMaterial]
    """Reads the seal object and finds its signer."""
    _standings: dict[str, SealStanding] = field(default_factory=dict, repr=False)
    _opened: dict[str, tuple[str, SealingMaterial]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def look(self, seal_ids: Collection[str]) -> None:
        """See how these seals stand now: once for each chunk of work."""
        with self.sessions.read() as session:
            found = using.standings(session, seal_ids)
        with self._lock:
            for seal_id in seal_ids:
                self._standings.pop(seal_id, None)
            self._standings.update(found)

    def material(self, seal_id: str) -> SealingMaterial:
        """用印材料 of a seal that was in use when last looked at.

        Raises ``NotFound("seal.unknown")``, ``Unavailable("seal.not_active")`` (``Refused`` where it is destroyed),
        ``Unavailable`` where its file or key is away.
        """
        with self._lock:
            standing = self._standings.get(seal_id)
        if standing is None:
            self.look([seal_id])
            with self._lock:
                standing = self._standings.get(seal_id)
        if standing is None:
            raise NotFound("seal.unknown", "没有登记印章 {id}。", id=seal_id)
        standing.demand_active(waiting=True)
        return self._material(standing)

    def _material(self, standing: SealStanding) -> SealingMaterial:
        with self._lock:
            digest, material = self._opened.get(standing.id, ("", None))
            if material is None or digest != standing.digest:
                material = self.open(standing)
                self._opened[standing.id] = (standing.digest, material)
            return material
