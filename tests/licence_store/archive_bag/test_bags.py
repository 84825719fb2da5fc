"""Archive bags: everything of a case, verified by a script with no access to the service; every change is noticed."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from licence_store.archive_bag import verify_bag
from licence_store.archive_bag.service import check_bag
from licence_store.archive_bag.writing import BagWriter
from licence_store.desk import Desk, now, open_desk
from licence_store.holding.holder import Holder, HolderSession
from seal.lifecycle import Official, Role
from tests.licence_store.uploads import makers as m
from trust.algorithms import sm3
from trust.errors import NotFound
from trust.journal import Actor

CASE = "990000-2026-7"
OFFICER = Official(Actor("console", None, None, "cli"), Role.OFFICER)
SCRIPT = Path(verify_bag.__file__)


def fill(desk: Desk) -> tuple[str, str]:
    """A case with a licence that came of it and a material that was handed in; their ids."""
    record: dict[str, object] = dict(next(desk.catalogue.get("teacher-certificate").example_records(1, seed=5)))
    record["case"] = {"number": CASE, "service_item": "教师资格认定"}
    issued = issue(desk, record)
    code = str(record["citizen_number"])
    person = Holder(code, "111", str(record["name"]))
    session = HolderSession("a-1", person, person)
    upload = desk.uploads.accept("说明.pdf", m.text_pdf(), owner=code, kind="self_made", actor=session.actor())
    material = desk.materials.add(session, upload, kind="self_made", title="情况说明", case_number=CASE)
    return issued, material.id


def issue(desk: Desk, record: dict[str, object]) -> str:
    from licence_store.cases import take_apart

    plain, extras = take_apart(record)
    return desk.issuer.issue("teacher-certificate", plain, officer=OFFICER.actor, extras=extras).licence_id


@pytest.fixture
def bag(desk: Desk, tmp_path: Path) -> tuple[Path, str, str]:
    licence, material = fill(desk)
    path = tmp_path / "bag.zip"
    path.write_bytes(b"".join(desk.bags.make(CASE, OFFICER, reason="办结")))
    return path, licence, material


def alone(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The script as somebody has it years later: another folder, nothing of ours to import, no network needed."""
    script = path.parent / "alone" / "verify_bag.py"
    script.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path) as archive:
        inside = next((n for n in archive.namelist() if n.endswith("/verify_bag.py")), "")
        script.write_bytes(archive.read(inside) if inside else SCRIPT.read_bytes())
    return subprocess.run(
        [sys.executable, "-I", "-S", str(script), str(path), *more], capture_output=True, text=True, check=False,
        cwd=script.parent, env={"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def test_the_script_needs_the_standard_library_alone() -> None:
    imported = {
        name.name.partition(".")[0]
        for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }
    assert imported <= set(sys.stdlib_module_names)


def test_everything_of_a_case_is_in_its_bag(desk: Desk, bag: tuple[Path, str, str]) -> None:
    path, licence, material = bag
    files = verify_bag.read_bag(str(path))
    assert files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert f"External-Identifier: {CASE}" in files["bag-info.txt"].decode()
    case = json.loads(files["data/case.json"])
    assert (case["number"], case["licences"], case["service_item"]) == (CASE, [licence], "教师资格认定")
    assert [one["subject"] for one in case["received"]] == [material]
    sealed = files[f"data/licences/{licence}/licence.ofd"]
    assert desk.verifier().verify(sealed).indication == "TOTAL-PASSED"
    assert json.loads(files[f"data/licences/{licence}/report-ofd.json"])["indication"] == "TOTAL-PASSED"
    assert json.loads(files[f"data/licences/{licence}/events.json"])[0]["kind"] == "issue"
    view = desk.materials.find(material)
    assert sm3(files[f"data/materials/{material}/file.pdf"]).hex() == view.digest
    assert json.loads(files[f"data/materials/{material}/material.json"])["level"] == "D"
    assert f"data/materials/{material}/provenance.json" in files
    assert json.loads(files["data/missing.json"]) == []
    acts = [json.loads(line)["action"] for line in files["data/journal.jsonl"].decode().splitlines()]
    assert {"licence.issue", "material.add", "upload.add"} <= set(acts)
    evidence = {name for name in files if name.startswith("data/evidence/")}
    assert len(evidence) == 3


def test_what_lies_in_the_bag_verifies_the_licence_in_it(bag: tuple[Path, str, str]) -> None:
    """Years later and elsewhere: the bag's own trust bundle, nothing of the region."""
    from trust.anchors import load_bundle
    from verify.verifier import Verifier

    path, licence, _ = bag
    files = verify_bag.read_bag(str(path))
    verifier = Verifier(load_bundle(files["data/evidence/trust-bundle.json"]), now)
    assert verifier.verify(files[f"data/licences/{licence}/licence.ofd"]).indication == "TOTAL-PASSED"


def test_the_script_alone_says_sound(desk: Desk, bag: tuple[Path, str, str]) -> None:
    done = alone(bag[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("SOUND: ")
    fingerprint = sm3(desk.region.keyring.certificate("publisher").der).hex()
    assert f"certificate SM3: {fingerprint}" in done.stdout
    assert alone(bag[0], "--publisher", fingerprint).returncode == 0
    assert alone(bag[0], "--publisher", "0" * 64).returncode == 1
    report = check_bag(bag[0], desk.trust, desk.clock())
    assert (report.sound, report.believed, report.case, report.problem) == (True, True, CASE, "")


def _rewrite(path: Path, change: Callable[[dict[str, bytes]], Any]) -> None:
    """The bag with its files changed, written anew as a ZIP."""
    with zipfile.ZipFile(path) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    root = next(iter(files)).partition("/")[0]
    inner = {name.partition("/")[2]: data for name, data in files.items()}
    change(inner)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in inner.items():
            archive.writestr(f"{root}/{name}", data)


def _first(files: dict[str, bytes], start: str) -> str:
    return next(name for name in files if name.startswith(start))


def _set(name: str, data: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.__setitem__(
        _first(files, name) if name not in files and name.endswith("/") else name, data
    )


def _remake(files: dict[str, bytes]) -> None:
    """A forger mends every manifest after changing a file, as BagIt lets anybody; only the signature stands in the way."""
    from licence_store.archive_bag.writing import digests, manifest

    files["data/case.json"] = files["data/case.json"].replace(b"990000", b"990001")
    payload = [(name, digests(data)) for name, data in files.items() if name.startswith("data/")]
    for algorithm in ("sha256", "sm3"):
        files[f"manifest-{algorithm}.txt"] = manifest(payload, algorithm)
    loose = ("data/", "signature.", "tagmanifest")
    tags = [(name, digests(data)) for name, data in files.items() if not name.startswith(loose)]
    for algorithm in ("sha256", "sm3"):
        files[f"tagmanifest-{algorithm}.txt"] = manifest(tags, algorithm)


CHANGES: dict[str, Callable[[dict[str, bytes]], Any]] = {
    "a changed file": _set("data/case.json", b"{}"),
    "a changed licence": lambda f: f.update({_first(f, "data/licences/"): b"x"}),
    "a file taken out": lambda f: f.pop(_first(f, "data/evidence/")),
    "a file put in": _set("data/more.txt", b"x"),
    "a tag file put in": _set("more.txt", b"x"),
    "a changed bag-info": _set("bag-info.txt", b"Source-Organization: x\n"),
    "another script": _set("verify_bag.py", b"print('SOUND')"),
    "no declaration": lambda f: f.pop("bagit.txt"),
    "no manifest": lambda f: f.pop("manifest-sm3.txt"),
    "no signature": lambda f: f.pop("signature.json"),
    "a broken signature": _set("signature.json", b"{}"),
    "a signature of something else": lambda f: f.update(
        {"signature.json": f["signature.json"].replace(b"990000-2026-7", b"990000-2026-8")}
    ),
    "everything mended but the signature": _remake,
    "a name that leaves the bag": _set("data/../../x", b"x"),
    "a line twice": lambda f: f.update({"manifest-sm3.txt": f["manifest-sm3.txt"] + f["manifest-sm3.txt"]}),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_every_change_is_noticed(change: str, made_bag: Path, tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    path.write_bytes(made_bag.read_bytes())
    _rewrite(path, CHANGES[change])
    with pytest.raises(verify_bag.Problem):
        verify_bag.verify(str(path))
    assert not check_bag(path, None, now()).sound


@pytest.fixture(scope="module")
def made_bag(made_region: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bag for all that is done to it."""
    import shutil

    from licence_store.desk import DeskSettings

    folder = tmp_path_factory.mktemp("bag")
    desk = open_desk(DeskSettings(Path(shutil.copytree(made_region, folder / "region")), durable=False))
    fill(desk)
    path = folder / "bag.zip"
    path.write_bytes(b"".join(desk.bags.make(CASE, OFFICER)))
    desk.close()
    return path


def test_the_script_ends_with_one_where_something_is_wrong(made_bag: Path, tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    path.write_bytes(made_bag.read_bytes())
    assert alone(path).returncode == 0
    _rewrite(path, CHANGES["a changed file"])
    done = alone(path)
    assert (done.returncode, done.stdout.partition(":")[0]) == (1, "NOT SOUND")
    for odd in (b"", b"PK", b"x" * 1000, made_bag.read_bytes()[:5000]):
        path.write_bytes(odd)
        done = subprocess.run(
            [sys.executable, "-I", str(SCRIPT), str(path)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("data", [b"", b"abc", b"abcd" * 16, bytes(55), bytes(56), bytes(64), bytes(1000)])
def test_its_sm3_is_sm3(data: bytes) -> None:
    assert verify_bag._sm3_words(data) == sm3(data)


def test_its_sm2_is_sm2(desk: Desk) -> None:
    signer = desk.region.keyring.signer("publisher")
    signature = signer.sign(b"data")
    point, name = verify_bag.key_and_name(signer.certificate.der)
    assert name == signer.certificate.common_name
    assert verify_bag.verify_sm2(point, signature, b"data")
    assert not verify_bag.verify_sm2(point, signature, b"date")
    assert not verify_bag.verify_sm2(point[:-1] + bytes([point[-1] ^ 1]), signature, b"data")


def test_a_publisher_nobody_believes(made_bag: Path, tmp_path: Path) -> None:
    """Another region's bag: sound in itself, but signed by somebody this region does not know."""
    from licence_store.region import Region

    other = Region.create(tmp_path / "other", clock=now)
    report = check_bag(made_bag, other.trust_store, now())
    assert (report.sound, report.believed) == (False, False)
    assert report.problem.startswith("publisher not believed: ")
    assert check_bag(made_bag, None, now()).sound


def test_a_case_nobody_knows(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.bags.make("no such case", OFFICER)


def test_what_an_official_does_not_see_is_not_archived(desk: Desk, bag: tuple[Path, str, str]) -> None:
    departments = [one.id for one in desk.catalogue.departments()]
    own = {desk.register.find(bag[1]).summary.department_id}
    stranger = next(one for one in departments if one not in own)
    with pytest.raises(NotFound):
        desk.bags.make(CASE, Official(Actor("officer", stranger, None, "page"), Role.OFFICER))


def test_missing_files_are_said_and_stop_nothing(desk: Desk, bag: tuple[Path, str, str], tmp_path: Path) -> None:
    _, _, material = bag
    view = desk.materials.find(material)
    desk.uploads.drop(view.upload_id, OFFICER.actor)
    path = tmp_path / "again.zip"
    path.write_bytes(b"".join(desk.bags.make(CASE, OFFICER)))
    files, *_ = verify_bag.verify(str(path))
    assert [one["reason"] for one in json.loads(files["data/missing.json"])] == ["upload.unknown"]


def test_paths_are_written_as_bagit_wants_them() -> None:
    writer = BagWriter("b", now())
    data = b"".join([*writer.add("data/a%b\nc", b"x"), *writer.finish({}, {}, lambda seen: {})])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("b/manifest-sha256.txt").decode().endswith("  data/a%25b%0Ac\n")
        assert b"Payload-Oxum: 1.1" in archive.read("b/bag-info.txt")


def test_the_time_stamp_is_checked_too(desk: Desk, bag: tuple[Path, str, str], tmp_path: Path) -> None:
    report = check_bag(bag[0], desk.trust, desk.clock())
    assert report.sound and report.stamped and abs(datetime.fromisoformat(report.stamped) - now()).seconds < 3600
    other = {"signature.tsr": desk.timestamper.stamp(b"something else")}
    changes: list[Callable[[dict[str, bytes]], Any]] = [
        lambda files: files.pop("signature.tsr"),
        lambda files: files.update(other),
        lambda files: files.update({"signature.tsr": b"x"}),
    ]
    for change in changes:
        path = tmp_path / "changed.zip"
        path.write_bytes(bag[0].read_bytes())
        _rewrite(path, change)
        found = check_bag(path, desk.trust, desk.clock())
        assert (found.sound, found.believed, found.stamped) == (False, False, "")
        assert found.problem.startswith("time stamp not believed: timestamp."), found.problem
