"""Uploads: taken, kept encrypted, read back, looked at, dropped; quota; what photos told is gone. On both engines."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pictures
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from licence_store.desk import Desk
from licence_store.extras import IssueExtras
from licence_store.models import JournalEntry
from licence_store.uploads import upkeep
from licence_store.uploads.checking import check
from licence_store.uploads.limits import limits_of
from licence_store.uploads.models import Upload, UploadKey
from licence_store.uploads.quota import Quota
from licence_store.uploads.service import Uploads
from licence_store.uploads.sniffing import look
from tests.licence_store.test_resealing import SEAL, USER
from tests.licence_store.uploads import makers as m
from trust.algorithms import sm3
from trust.errors import Conflict, LicenceTrustError, NotFound, Refused, Unavailable
from trust.journal import Actor

OWNER, OTHER = "990101199001010015", "990101199001010023"
HOLDER = Actor("holder:a-1", None, "127.0.0.1", "page")


def take(desk: Desk, data: bytes, kind: str = "licence_scan", owner: str = OWNER, name: str = "执照.jpg") -> Any:
    return desk.uploads.accept(name, data, owner=owner, kind=kind, actor=HOLDER)


def code(act: Any) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act()
    return caught.value.code


def photo() -> bytes:
    """A JPEG as a phone writes it: where, when and with what, a thumbnail, XMP, a comment."""
    exif = Pictures.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112], exif[0x0132] = "SECRETMAKER", "SECRETMODEL", 6, "2026:11:22 08:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (39.0, 54.0, 15.0), 3: "E", 4: (116.0, 23.0, 29.0), 29: "SECRETDATE"})
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0SECRETCOMMENT"
    xmp = m.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRETXMP</x:xmpmeta>")
    data = m.jpeg(1200, 900, exif=exif)
    return data[:2] + xmp + m.segment(0xED, b"Photoshop 3.0\0SECRETIPTC") + m.segment(0xFE, b"SECRETWORDS") + data[2:]


# ---------------------------------------------------------------- taken


HONEST: list[tuple[Any, str, str, int]] = [
    (m.jpeg, "licence_scan", "image/jpeg", 1),
    (m.png, "licence_scan", "image/png", 1),
    (lambda: m.png(mode="RGBA"), "self_made", "image/png", 1),
    (lambda: m.png(mode="P"), "self_made", "image/png", 1),
    (lambda: m.png(mode="I;16"), "self_made", "image/png", 1),
    (lambda: m.saved(m.page(mode="CMYK"), "JPEG"), "self_made", "image/jpeg", 1),
    (lambda: m.jpeg(progressive=True), "self_made", "image/jpeg", 1),
    (lambda: m.tiff(3), "third_party_report", "image/tiff", 3),
    (lambda: m.tiff(2, "1", compression="group4"), "window_scan", "image/tiff", 2),
    (lambda: m.text_pdf(2), "self_made", "application/pdf", 2),
    (lambda: m.scan_pdf(m.jpeg(1240, 1754), 1240, 1754), "licence_scan", "application/pdf", 1),
    (lambda: m.ofd(pages=2), "self_made", "application/ofd", 2),
]


def test_honest_files_are_taken(desk: Desk) -> None:
    for data, kind, media, pages in HONEST:
        content = data()
        view = take(desk, content, kind)
        assert (view.media_type, view.pages, view.kind, view.name) == (media, pages, kind, "执照.jpg")
        assert view.received == sm3(content).hex()
        kept = desk.uploads.open(view.id)
        assert sm3(kept).hex() == view.digest
        assert len(kept) == view.size
        if media.startswith("application/"):
            assert kept == content, "a document may be signed: not one octet of it changes"
        picture = Pictures.open(BytesIO(desk.uploads.page_picture(view.id, pages, 300)))
        assert (picture.format, picture.width) == ("PNG", 300)
        assert desk.uploads.view(view.id) == view
        assert code(partial(desk.uploads.page_picture, view.id, pages + 1)) == "upload.page"


def test_streams_are_read_no_further_than_the_limit(desk: Desk) -> None:
    class Endless(BytesIO):
        given = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size >= 0
            self.given += size
            return bytes(size)

    endless = Endless()
    assert (
        code(lambda: desk.uploads.accept("a", endless, owner=OWNER, kind="self_made", actor=HOLDER))
        == "upload.too_large"
    )
    assert endless.given == (20 << 20) + 1


@pytest.mark.parametrize(("name", "size"), [("xmp", 16), ("rgb", 128)])
def test_heic_becomes_jpeg_without_what_it_told(name: str, size: int) -> None:
    data = (Path(__file__).parent / "samples" / f"{name}.heic").read_bytes()
    limits = replace(limits_of("self_made"), min_side=16, blank="warn")
    checked = check(data, look(data, limits), limits)
    assert (checked.media_type, checked.width, checked.height) == ("image/jpeg", size, size)
    assert {"converted", "metadata_removed"} <= set(checked.warnings)
    assert b"xmp" not in checked.data.lower()
    assert Pictures.open(BytesIO(checked.data)).format == "JPEG"


# ---------------------------------------------------------------- what photos tell


def test_what_a_photo_told_is_gone(desk: Desk) -> None:
    content = photo()
    assert content.count(b"SECRET") >= 6
    view = take(desk, content)
    kept = desk.uploads.open(view.id)
    assert b"SECRET" not in kept
    assert b"Exif" not in kept
    assert "metadata_removed" in view.warnings
    opened = Pictures.open(BytesIO(kept))
    assert not opened.getexif()
    assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
    assert opened.size == (900, 1200), "turned as the camera said, for nothing says so any more"
    assert (view.width, view.height) == (900, 1200)


def test_what_pngs_and_tiffs_told_is_gone(desk: Desk) -> None:
    from PIL.PngImagePlugin import PngInfo
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    told = PngInfo()
    told.add_text("Author", "SECRET")
    told.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>SECRET</x:xmpmeta>")
    tags = ImageFileDirectory_v2()
    tags[315], tags[270] = "SECRET", "SECRET"
    for content in (m.png(pnginfo=told, exif=b"Exif\0\0SECRET"), m.tiff(tiffinfo=tags)):
        assert b"SECRET" in content
        assert b"SECRET" not in desk.uploads.open(take(desk, content).id)


def test_what_phones_put_behind_a_picture_is_left_behind(desk: Desk) -> None:
    view = take(desk, m.jpeg() + m.jpeg(640, 640))
    assert "extra_pictures_removed" in view.warnings
    assert desk.uploads.open(view.id).count(b"\xff\xd8\xff\xe0") == 1


# ---------------------------------------------------------------- seals and signatures


def test_the_seal_on_a_report_is_checked_and_told(desk: Desk) -> None:
    """An agency's seal on a report: kept with the upload; it raises no level by itself."""
    stamped = desk.stamper.stamp(USER, SEAL, m.ofd())
    view = take(desk, stamped.data, "third_party_report", name="检测报告.ofd")
    assert view.indication == "TOTAL-PASSED"
    [found] = view.signatures
    assert (found.indication, found.seal != "", found.time != "") == ("TOTAL-PASSED", True, True)
    assert "signature_doubtful" not in view.warnings
    assert desk.uploads.view(view.id).signatures == view.signatures


@pytest.mark.parametrize("form_of", ["ofd", "pdf"])
def test_a_licence_of_ours_is_taken_as_it_is(desk: Desk, form_of: str) -> None:
    """Its data message inside is no attachment to be afraid of."""
    record = next(desk.catalogue.get("teacher-certificate").example_records(1, seed=3))
    issued = desk.issuer.issue("teacher-certificate", record, officer=USER.actor, extras=IssueExtras(forms=form_of))
    content = desk.register.file(desk.register.find(issued.licence_id), form_of)
    view = take(desk, content)
    assert (view.indication, view.signed, view.digest) == ("TOTAL-PASSED", True, sm3(content).hex())


def test_a_seal_that_does_not_hold_is_noted(desk: Desk) -> None:
    from seal.ofd.package import Entry, open_package, write_package

    entries = dict(open_package(desk.stamper.stamp(USER, SEAL, m.ofd()).data).entries)
    page = next(name for name in entries if name.endswith("Content.xml"))
    entries[page] = entries[page].replace(b"<", b"<", 1) + b"\n"
    view = take(desk, write_package([Entry.of(name, data) for name, data in entries.items()]), "self_made")
    assert view.indication == "TOTAL-FAILED"
    assert "signature_doubtful" in view.warnings


# ---------------------------------------------------------------- at rest


def test_at_rest_nothing_can_be_read_without_the_key(desk: Desk) -> None:
    content = m.text_pdf()
    view = take(desk, content, "self_made")
    region = desk.region.directory
    assert content in b"".join([desk.uploads.open(view.id)])
    for path in region.rglob("*"):
        if path.is_file():
            stored = path.read_bytes()
            assert b"%PDF-" not in stored or content[:200] not in stored, path
    with desk.sessions.read() as session:
        key = session.get(UploadKey, view.id)
        assert key is not None
        file, wrapped = key.file, key.wrapped
    sealed = desk.files.get(file)
    assert content[100:160] not in sealed
    assert sealed.startswith(b"LTV1")
    assert len(wrapped) == 4 + 12 + 32 + 16

    master = next((region / "keys").glob("uploads.*.master.json"))
    assert master.stat().st_mode & 0o077 == 0
    master.rename(region / "elsewhere")
    desk.region.__dict__.pop("masters", None)
    desk.__dict__.pop("vault", None)
    desk.__dict__.pop("uploads", None)
    with pytest.raises(Unavailable, match="主密钥"):
        desk.uploads.open(view.id)
    later = take(desk, m.ofd(), "self_made")  # what comes from now on is locked under a new one
    (region / "elsewhere").rename(master)
    assert desk.uploads.open(view.id) == content, "and the old one opens what it locked, once it is back"
    assert desk.uploads.open(later.id) == m.ofd()


def test_a_changed_octet_is_noticed(desk: Desk) -> None:
    """By the store's digest; and where the store is fooled as well, by the cipher."""
    view = take(desk, m.ofd(), "self_made")
    for place in (5, 20, -1):
        with desk.sessions.begin() as session:
            key = session.get(UploadKey, view.id)
            assert key is not None
            sealed = bytearray(desk.files.get(key.file))
            sealed[place] ^= 1
            key.file = desk.files.put(bytes(sealed))
        assert code(partial(desk.uploads.open, view.id)) == "vault.damaged"


def test_the_keys_of_two_uploads_cannot_be_exchanged(desk: Desk) -> None:
    first, second = take(desk, m.ofd(), "self_made"), take(desk, m.text_pdf(), "self_made")
    with desk.sessions.begin() as session:
        one, two = session.get(UploadKey, first.id), session.get(UploadKey, second.id)
        assert one is not None
        assert two is not None
        one.file, one.wrapped = two.file, two.wrapped
    assert code(lambda: desk.uploads.open(first.id)) == "keys.wrapped_damaged"


def test_dropped_is_gone(desk: Desk) -> None:
    view = take(desk, m.jpeg())
    with desk.sessions.read() as session:
        file = session.execute(select(UploadKey.file)).scalar_one()
    desk.uploads.drop(view.id, HOLDER, reason="no longer needed")
    assert code(lambda: desk.uploads.open(view.id)) == "upload.unknown"
    assert code(lambda: desk.files.get(file)) == "files.unknown"
    assert code(lambda: desk.uploads.drop(view.id, HOLDER)) == "upload.unknown"
    assert desk.uploads.meter(OWNER).count == 0
    with desk.sessions.read() as session:
        assert session.execute(select(func.count()).select_from(Upload)).scalar() == 1
        assert not session.execute(select(func.count()).select_from(UploadKey)).scalar()


def test_the_record_of_an_upload_cannot_be_changed(desk: Desk) -> None:
    take(desk, m.jpeg())
    for statement in ("UPDATE upload SET digest = 'x'", "DELETE FROM upload"):
        with pytest.raises((Conflict, DBAPIError)), desk.sessions.begin() as session:
            session.execute(text(statement))


def test_a_copied_region_reads_its_uploads(desk: Desk, tmp_path: Path) -> None:
    from licence_store.desk import open_desk

    view = take(desk, m.jpeg())
    twin = Path(shutil.copytree(desk.region.directory, tmp_path / "twin"))
    other = open_desk(replace(desk.settings, directory=twin))
    try:
        assert sm3(other.uploads.open(view.id)).hex() == view.digest
    finally:
        other.close()


def test_uploads_are_looked_after_with_the_other_files(desk: Desk) -> None:
    from licence_store.files import upkeep as files_upkeep

    view = take(desk, m.jpeg())
    assert files_upkeep.sweep(desk.files, desk.sessions, older_than=-1.0) == 0
    assert desk.uploads.open(view.id)
    with desk.sessions.read() as session:
        file = session.execute(select(UploadKey.file)).scalar_one()
    desk.files.discard(file)
    assert file in files_upkeep.scrub(desk.files, desk.sessions).missing


# ---------------------------------------------------------------- quota


def small(desk: Desk, **quota: int) -> Uploads:
    return replace(desk.uploads, quota=Quota(**quota))


def test_beyond_the_quota_one_must_tidy_up_first(desk: Desk) -> None:
    content = m.text_pdf()
    uploads = small(desk, octets=2 * len(content) + 10)
    taken = [uploads.accept("a.pdf", content, owner=OWNER, kind="self_made", actor=HOLDER) for _ in range(2)]
    meter = uploads.meter(OWNER)
    assert (meter.used, meter.count, meter.left) == (2 * len(content), 2, 10)
    assert meter.share == 99
    with pytest.raises(Refused) as caught:
        uploads.accept("b.pdf", content, owner=OWNER, kind="self_made", actor=HOLDER)
    assert caught.value.code == "upload.quota"
    assert "清理" in caught.value.remedy_template
    uploads.accept("c.pdf", content, owner=OTHER, kind="self_made", actor=HOLDER)
    uploads.accept("d.pdf", content, owner=OWNER, kind="self_made", actor=HOLDER, check_quota=False)
    uploads.drop(taken[0].id, HOLDER)
    uploads.drop(taken[1].id, HOLDER)
    uploads.accept("e.pdf", content, owner=OWNER, kind="self_made", actor=HOLDER)


def test_so_many_files_and_no_more(desk: Desk) -> None:
    uploads = small(desk, files=1)
    uploads.accept("a.ofd", m.ofd(), owner=OWNER, kind="self_made", actor=HOLDER)
    assert (
        code(lambda: uploads.accept("b.ofd", m.ofd(), owner=OWNER, kind="self_made", actor=HOLDER))
        == "upload.quota_count"
    )


def test_at_once_there_is_no_more_room_than_one_after_the_other(desk: Desk) -> None:
    content = m.text_pdf()
    uploads = small(desk, octets=3 * len(content))

    def one(_: int) -> str:
        try:
            uploads.accept("a.pdf", content, owner=OWNER, kind="self_made", actor=HOLDER)
        except LicenceTrustError as error:
            return error.code
        return ""

    with ThreadPoolExecutor(6) as hands:
        answers = sorted(hands.map(one, range(6)))
    assert answers == ["", "", "", "upload.quota", "upload.quota", "upload.quota"]
    assert uploads.meter(OWNER).count == 3
    assert len(set(desk.files.digests())) == len(list(desk.files.digests()))


# ---------------------------------------------------------------- traces


def test_what_is_taken_and_refused_is_journalled_without_personal_data(desk: Desk) -> None:
    view = take(desk, m.jpeg(), name="张三身份证.jpg")
    assert code(lambda: take(desk, m.blurred())) == "upload.blurred"
    with desk.sessions.read() as session:
        rows = session.execute(select(JournalEntry).where(JournalEntry.action == "upload.add")).scalars().all()
        told = [(one.subject, one.result, one.details) for one in rows]
    assert [(result, subject[:4]) for subject, result, _ in told] == [
        ("ok", "u-" + view.id[2:4]),
        ("upload.blurred", "sm3:"),
    ]
    for one in told:
        assert OWNER not in str(one)
        assert "张三" not in str(one)


def test_what_never_became_a_material_goes_after_a_day(desk: Desk) -> None:
    view = take(desk, m.jpeg())
    with desk.sessions.read() as session:
        assert upkeep.unused(session, desk.clock() - upkeep.KEPT) == []
        assert upkeep.unused(session, desk.clock() + timedelta(seconds=1)) == [view.id]
        assert not upkeep.is_used(session, view.id)


def test_with_the_last_account_uploads_go_too(desk: Desk) -> None:
    """R104: what is no material yet goes with the account; another's stays."""
    take(desk, m.ofd(), "self_made")
    theirs = take(desk, m.ofd(), "self_made", owner=OTHER)
    assert desk.uploads.forget(OWNER, HOLDER) == 1
    assert desk.uploads.forget(OWNER, HOLDER) == 0
    assert desk.uploads.meter(OWNER).count == 0
    assert desk.uploads.open(theirs.id)
    assert desk.uploads in desk.closing.parts()


def test_unknown_kinds_and_uploads(desk: Desk) -> None:
    assert code(lambda: take(desk, m.jpeg(), "passport")) == "upload.kind_unknown"
    for odd in ("u-", "", "u-" + "0" * 32, "x" * 500):
        with pytest.raises(NotFound):
            desk.uploads.open(odd)


def test_any_name_will_do(desk: Desk) -> None:
    for name in ("", "../../etc/passwd", "C:\\a\\b.jpg", "a\0b\n.jpg", "名" * 400, "\ud800.jpg"):
        view = take(desk, m.ofd(), "self_made", name=name)
        assert len(view.name) <= 200
        assert view.name.isprintable()
        assert "/" not in view.name
