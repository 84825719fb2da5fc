"""建立演示地区: a folder filled with all it takes to issue, whole or to be made anew.

The authority, departments with their seals, the types this product ships, each granted to its department.
While it is made, ``region.making`` stands in the folder and is locked; ``region.json`` is written last.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys.demonstration import DemonstrationAuthority, make_demonstration_authority
from licence_store.catalogue import Catalogue
from licence_store.copying.node_seal import make_copy_seal
from licence_store.definitions import shipped_definitions
from licence_store.folder import unwritable, write
from licence_store.migrations import upgrade
from licence_store.models import Department
from seal.database import Sessions, open_database
from seal.impression import round_seal
from seal.making import SealApplication, make_seal
from seal.records import NewSeal
from trust.anchors import Purpose
from trust.errors import Conflict, Malformed
from trust.identifiers import credit_code_check_char, organisation_check_char
from trust.journal import SYSTEM

if TYPE_CHECKING:
    from licence_store.region import Region

REGION_FILE: Final = "region.json"
MAKING_FILE: Final = "region.making"
DATABASE_FILE: Final = "register.sqlite3"
_FOLDERS = ("keys", "trust", "seals", "files")

ANCHORED: Final = {
    "issuing-ca": Purpose.SIGNER,
    "seal-ca": Purpose.SEAL_MAKER,
    "time-ca": Purpose.TIMESTAMP,
    "publisher-ca": Purpose.BUNDLE,
}
"""Which CA of a demonstration authority is believed for what."""


@dataclass(frozen=True, slots=True)
class DemonstrationDepartment:
    """演示部门: its id, name, organisation code without check character, and the type it issues."""

    id: str
    title: str
    organisation: str
    type_slug: str

    def credit_code(self, region_code: str) -> str:
        """A fictitious unified social credit code with right check characters (GB 32100)."""
        first = f"11{region_code}{self.organisation}{organisation_check_char(self.organisation)}"
        return first + credit_code_check_char(first)


DEPARTMENTS: Final = (
    DemonstrationDepartment("market", "市场监督管理局", "MB0D0001", "business-licence"),
    DemonstrationDepartment("education", "教育厅", "MB0D0002", "teacher-certificate"),
    DemonstrationDepartment("environment", "生态环境厅", "MB0D0003", "pollutant-permit"),
    DemonstrationDepartment("civil", "民政厅", "MB0D0004", "social-organisation"),
    DemonstrationDepartment("health", "卫生健康委员会", "MB0D0005", "nurse-certificate"),
)


def check_names(code: str, name: str) -> None:
    """Raises ``Malformed("region.code")`` or ``Malformed("region.name")``."""
    if not re.fullmatch(r"[0-9]{6}", code):
        raise Malformed("region.code", "地区代码应为6位数字（GB/T 2260），实为“{got}”。", got=code[:40])
    if not 0 < len(name) <= 40 or not name.isprintable() or name != name.strip():
        raise Malformed("region.name", "地区名称应为1至40个字符。")


@contextmanager
def making(directory: Path) -> Iterator[None]:
    """Hold the folder while a region is made in it; whatever stops us leaves it to be made anew."""
    _demand_new(directory)
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        if any(directory.iterdir()) and not (directory / MAKING_FILE).exists():
            raise Conflict(
                "region.not_empty",
                "文件夹 {directory} 不是空的。",
                remedy="请换一个空文件夹。",
                directory=str(directory),
            )
        with (directory / MAKING_FILE).open("ab") as mark:
            _lock(mark.fileno(), directory)
            _demand_new(directory)  # somebody else may have been making it, and be done
            _clear(directory)
            yield
            (directory / MAKING_FILE).unlink()
    except OSError as error:
        raise unwritable(str(directory), error) from error


def _demand_new(directory: Path) -> None:
    if (directory / REGION_FILE).exists():
        raise Conflict(
            "region.exists", "文件夹 {directory} 已经是一个地区。", remedy="请换一个文件夹。", directory=str(directory)
        )


def _lock(handle: int, directory: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict("region.being_made", "文件夹 {directory} 中正在建立地区。", directory=str(directory)) from error


def _clear(directory: Path) -> None:
    """Take away what an interrupted making left, and lay the folders."""
    for name in _FOLDERS:
        shutil.rmtree(directory / name, ignore_errors=True)
        (directory / name).mkdir(mode=0o700 if name == "keys" else 0o750)
    for path in directory.glob(f"{DATABASE_FILE}*"):
        path.unlink()


@dataclass(frozen=True, slots=True)
class Founding:
    """Fills a new demonstration region."""

    region: Region
    clock: Callable[[], datetime]

    def found(self, database_url: str) -> None:
        """Everything but ``region.json``. Raises ``Conflict("region.database_in_use")``."""
        region, now = self.region, self.clock()
        named = [(f"{region.name}{d.title}", d.credit_code(region.code)) for d in DEPARTMENTS]
        authority = make_demonstration_authority(region.name, region.code, now, named)
        self.keep_keys(authority)
        self.keep_trust(authority)
        if not database_url:
            (region.directory / DATABASE_FILE).touch(mode=0o640)  # what SQLite writes beside it has the same mode
        sessions = open_database(database_url or region.database_url)
        try:
            upgrade(sessions)
            _demand_unused(sessions)
            self.fill(Catalogue(sessions, self.clock), authority, now)
        finally:
            sessions.close()

    def keep_keys(self, authority: DemonstrationAuthority) -> None:
        for name, signer in authority.signers().items():
            self.region.keyring.add(name, signer.key, signer.certificate)

    def keep_trust(self, authority: DemonstrationAuthority) -> None:
        folder = self.region.directory / "trust"
        for signer, crl in zip(authority.authorities, authority.crls, strict=True):
            write(folder / f"{signer.name}.cert.pem", signer.certificate.to_pem())
            write(folder / f"{signer.name}.crl", crl)
        anchors = [
            {"certificate": f"{name}.cert.pem", "purposes": [str(purpose)], "valid_from": "", "valid_to": ""}
            for name, purpose in ANCHORED.items()
        ]
        stated = {"anchors": anchors, "intermediates": ["root.cert.pem"]}
        write(folder / "anchors.json", json.dumps(stated, indent=2).encode() + b"\n")

    def fill(self, catalogue: Catalogue, authority: DemonstrationAuthority, now: datetime) -> None:
        """Departments, seals, types and grants."""
        for definition in shipped_definitions():
            catalogue.import_definition(definition.source, SYSTEM)
        seals = self.region.seal_register(catalogue.sessions, self.clock)
        for number, department in enumerate(DEPARTMENTS, 1):
            name, code = f"{self.region.name}{department.title}", department.credit_code(self.region.code)
            signer = authority.department(code)
            seal_id, seal_name = f"{self.region.code}{number:08d}", f"{name}电子证照专用章"
            catalogue.add_department(department.id, name, code, SYSTEM)
            made = self.make_seal(seal_id, seal_name, name, code, authority, now)
            wanted = NewSeal(seal_name, department.id, purpose="签发电子证照", seal_id=seal_id)
            seals.enrol(wanted, made, key_name=signer.name)
            catalogue.grant(department.type_slug, department.id, seal_id, SYSTEM)
        make_copy_seal(self.region, catalogue, seals, now)

    def make_seal(
        self, seal_id: str, seal_name: str, name: str, code: str, authority: DemonstrationAuthority, now: datetime
    ) -> bytes:
        """制章; answers the seal's DER."""
        certificate = authority.department(code).certificate
        start = now.replace(microsecond=0)
        application = SealApplication(seal_id, seal_name, (certificate,), start, certificate.not_after)
        picture = round_seal(name, seal_id, centre_text="演示")
        return make_seal(application, authority.seal_maker, picture, moment=start)


def _demand_unused(sessions: Sessions) -> None:
    with sessions.read() as session:
        if session.query(Department).first() is not None:
            raise Conflict(
                "region.database_in_use",
                "所指定的数据库中已有登记数据。",
                remedy="请改用空的数据库。",
            )
