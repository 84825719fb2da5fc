"""A desk with holders, officers and uploads that are kept in memory: what is tested here is what becomes of them."""

from __future__ import annotations

import io
import itertools
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy.orm import Session

from licence_store.desk import Desk, now
from licence_store.holding.holder import CITIZEN_NUMBER, CREDIT_CODE, Holder, HolderSession
from licence_store.lifecycle import STEPS
from licence_store.materials.checking import Checked
from licence_store.materials.materials import Materials
from licence_store.materials.views import MaterialView, Who
from licence_store.reserving import IssuedLicence
from licence_store.uploads.stored import StoredUpload
from licence_store.views import LicenceView
from seal.lifecycle import Official, Role
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, NotFound
from trust.identifiers import citizen_check_char
from trust.journal import Actor

TEACHER, NURSE, BUSINESS = "teacher-certificate", "nurse-certificate", "business-licence"
SAME = (("证书编号", "20269900000000001", "20269900000000001"), ("姓名", "林 望舒", "林望舒"))
REASON = "与原件核对无误"


class HeldUploads:
    """Uploads in memory, with the verbs materials use; the real ones are in the journeys."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[StoredUpload, bytes]] = {}
        self.discarded: list[str] = []
        self.vault = self

    def put(
        self, data: bytes, owner: str, kind: str = "licence_scan", media: str = "image/png", pages: int = 1
    ) -> StoredUpload:
        one = StoredUpload(
            id=f"u-{secrets.token_hex(16)}", owner=owner, kind=kind, name="x", digest=sm3(data).hex(),
            received=sm3(data).hex(), media_type=media, size=len(data), pages=pages, width=1240, height=1754, dpi=150,
            warnings=(), signatures=(), indication="", created=now(), created_by="test",
        )  # fmt: skip
        self.kept[one.id] = (one, data)
        return one

    def open(self, upload_id: str) -> bytes:
        if upload_id not in self.kept:
            raise NotFound("upload.unknown", "没有这份上传的文件，或已删除。")
        return self.kept[upload_id][1]

    def page_picture(self, upload_id: str, page: int = 1, width: int = 1200) -> bytes:
        return self.open(upload_id)

    def drop_in(self, session: Session, upload_id: str, actor: Actor, reason: str = "") -> str:
        self.open(upload_id)
        del self.kept[upload_id]
        return upload_id

    def discard(self, entry: Any) -> None:
        self.discarded.append(entry)


@dataclass
class Bench:
    """Everybody who has to do with materials, and the materials."""

    desk: Desk
    uploads: HeldUploads = field(default_factory=HeldUploads)
    numbers: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.materials: Materials = replace(self.desk.materials, uploads=lambda: self.uploads)
        self.owner = session(citizen("99010119940117002"), "林望舒", "a-owner")
        self.other = session(citizen("99010119880305001"), "赵行远", "a-other")
        self.company = Holder("91990000MA49QUAQ2W", CREDIT_CODE, "演示云帆科技有限公司")

    # People

    def officer(self, department: str = "education", account: str = "wang") -> Official:
        return Official(Actor(account, department, "192.0.2.4", "page"), Role.OFFICER)

    def staff(self, role: Role) -> Official:
        return Official(Actor(str(role), None, "192.0.2.5", "page"), role)

    def delegate(self, holder: Holder, *rights: str) -> HolderSession:
        person = Holder("990101197002020022", CITIZEN_NUMBER, "周代办")
        return HolderSession("a-agent", person, holder, "d-1", frozenset(rights))

    def people(self, holder: Holder) -> dict[str, Who]:
        """One for each row of the matrix."""
        return {
            "owner": HolderSession("a-1", holder, holder),
            "delegate": self.delegate(holder, "view", "use", "upload"),
            "limited": self.delegate(holder, "report_loss"),
            "other": self.other,
            "officer": self.officer("education"),
            "elsewhere": self.officer("health", "sun"),
            "auditor": self.staff(Role.AUDITOR),
            "seal_keeper": self.staff(Role.SEAL_KEEPER),
            "seal_approver": self.staff(Role.SEAL_APPROVER),
            "admin": self.staff(Role.ADMIN),
        }

    # Things

    def scan(self, *, code: str = "", who: HolderSession | None = None, kind: str = "licence_scan") -> StoredUpload:
        owner = (who or self.owner).holder.code
        return self.uploads.put(picture(next(self.numbers), code), owner, kind)

    def add(self, who: HolderSession | None = None, *, kind: str = "licence_scan", **given: Any) -> MaterialView:
        who, upload = who or self.owner, given.pop("upload", None)
        if kind == "licence_scan":
            given.setdefault("type_code", TEACHER)
        else:
            given.setdefault("department", "education")
        upload = upload or self.scan(who=who, kind=kind)
        return self.materials.add(who, upload, kind=kind, **{"title": "教师资格证书", **given})

    def check(self, item_id: str, who: Official | None = None, **given: Any) -> MaterialView:
        stated = {"compared": SAME, "original_seen": True, "reason": REASON, **given}
        return self.materials.check(item_id, who or self.officer(), **stated)

    def window_scan(self, holder: Holder | None = None) -> MaterialView:
        code = (holder or self.owner.holder).code
        upload = self.uploads.put(picture(next(self.numbers)), code, "window_scan")
        checked = Checked(SAME, original_seen=True, reason=REASON)
        return self.materials.scan(self.officer(), code, upload, checked, title="毕业证书", type_code=TEACHER)

    def issue(self, holder: Holder, kind: str = TEACHER, seed: int = 1, **changes: str) -> LicenceView:
        """A licence of the register for this holder."""
        record = next(self.desk.catalogue.get(kind).example_records(1, seed=seed))
        if kind == BUSINESS:
            wanted = {"name": holder.name, "credit_code": holder.code}
        else:
            born = f"{holder.code[6:10]}-{holder.code[10:12]}-{holder.code[12:14]}"
            wanted = {
                "name": holder.name,
                "citizen_number": holder.code,
                "birth_date": born[: len(record["birth_date"])],
                "gender": "男" if int(holder.code[16]) % 2 else "女",
            }
        officer = Actor("zhang", None, "192.0.2.7", "page")
        issued: IssuedLicence = self.desk.issuer.issue(kind, {**record, **wanted, **changes}, officer=officer)
        return self.desk.register.find(issued.licence_id)

    def step(self, licence_id: str, name: str) -> None:
        """Something happens to a licence."""
        assert name in STEPS
        department = self.desk.register.find(licence_id).summary.department_id
        official = Official(Actor("zhang", department, "192.0.2.7", "page"), Role.OFFICER)
        self.desk.life.take(licence_id, name, official, reason="测试")

    def item(self, column: str) -> MaterialView:
        """A fresh one for a column of the matrix, in the hands of the education department."""
        if column == "A":
            view = self.issue(self.owner.holder, seed=100 + next(self.numbers))
            return self.materials.find(view.licence_id)
        if column == "W":
            return self.window_scan()
        kind = {"C": "licence_scan", "B": "licence_scan", "D": "self_made", "R": "third_party_report"}[column]
        made = self.add(kind=kind)
        return self.check(made.id) if column == "B" else made


def citizen(digits: str) -> str:
    """A number with its check character; nobody's: there is no such area."""
    return digits + citizen_check_char(digits)


def session(code: str, name: str, account: str) -> HolderSession:
    holder = Holder(code, CITIZEN_NUMBER, name)
    return HolderSession(account, holder, holder)


def picture(seed: int, code: str = "") -> bytes:
    """A page with something on it, never twice the same, with a QR code where one is given."""
    page = Image.new("L", (900, 1200), 250)
    draw = ImageDraw.Draw(page)
    draw.text((40, 40), f"page {seed}", fill=10)
    for row in range(40):
        draw.rectangle((60, 120 + 24 * row, 200 + (seed * 37 + row * 91) % 600, 126 + 24 * row), fill=30)
    if code:
        import qrcode

        square = qrcode.make(code).get_image().convert("L").resize((320, 320))
        page.paste(square, (520, 820))
    held = io.BytesIO()
    page.save(held, "PNG", dpi=(150, 150))
    return held.getvalue()


def code_of(error: LicenceTrustError | None) -> str:
    return error.code if error else ""
