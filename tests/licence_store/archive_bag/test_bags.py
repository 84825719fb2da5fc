"""Archive bags: everything of a case, verified by a script with no access to the service; every change is noticed."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
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
from trust.anchors import Purpose
from trust.errors import NotFound
from trust.journal import Actor
from trust.timestamp import load_timestamp

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
    authority = sm3(desk.region.keyring.certificate("tsa").der).hex()
    assert done.stdout.splitlines()[-2].startswith("time stamp: 20")
    assert done.stdout.splitlines()[-1] == f"authority SM3: {authority}"
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
    "no time stamp": lambda f: f.pop("signature.tsr"),
    "no signature": lambda f: f.pop("signature.json"),
    "a broken signature": _set("signature.json", b"{}"),
    "a signature too deep": _set("signature.json", b"[" * 99_999),
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


def test_the_time_stamp_must_be_one_we_believe(desk: Desk, bag: tuple[Path, str, str]) -> None:
    """Sound in itself, its own bundle names the authority; this store does not."""
    report = check_bag(bag[0], desk.trust, desk.clock())
    assert report.sound and abs(datetime.fromisoformat(report.stamped) - now()).seconds < 3600
    store = desk.trust()
    others = tuple(one for one in store.anchors if Purpose.TIMESTAMP not in one.purposes)
    found = check_bag(bag[0], lambda: replace(store, anchors=others), desk.clock())
    assert (found.sound, found.believed, found.stamped) == (False, False, "")
    assert found.problem.startswith("time stamp not believed: "), found.problem


@pytest.fixture(scope="module")
def stamped(made_bag: Path) -> tuple[dict[str, bytes], str]:
    """Files of a bag, and the moment it states."""
    files = verify_bag.read_bag(str(made_bag))
    return files, json.loads(files["signature.json"])["payload"]["made"]


STAMPS: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "none": (lambda f: {name: data for name, data in f.items() if name != "signature.tsr"}, "is missing"),
    "no DER": (lambda f: {**f, "signature.tsr": b"x"}, "cannot be read"),
    "cut off": (lambda f: {**f, "signature.tsr": f["signature.tsr"][:-1]}, "cannot be read"),
    "one of something else": (lambda f: {**f, "signature.json": f["signature.json"] + b" "}, "something else"),
    "another time": (lambda f: {**f, "signature.tsr": _shifted(f["signature.tsr"])}, "not what was signed"),
    "a changed signature": (
        lambda f: {**f, "signature.tsr": f["signature.tsr"][:-1] + bytes([f["signature.tsr"][-1] ^ 1])},
        "does not hold",
    ),
    "a bundle of nobody": (lambda f: {**f, **_bundle(f, anchors=[], intermediates=[])}, "does not name"),
    "a bundle for other purposes": (lambda f: {**f, **_bundle(f, anchors=_for_seals(f))}, "does not name"),
    "a bundle that is none": (lambda f: {**f, "data/evidence/trust-bundle.json": b"[" * 9999}, "cannot be read"),
}


def _shifted(token: bytes) -> bytes:
    """Another year in the time it states."""
    found = re.search(rb"\x18[\x0f-\x13]20", token)
    assert found is not None
    place = found.end()
    return token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]


def _for_seals(files: dict[str, bytes]) -> list[dict[str, object]]:
    """The anchors, none of them for time stamps any more."""
    stated = json.loads(files["data/evidence/trust-bundle.json"])["payload"]["anchors"]
    return [{**one, "purposes": ["seal_maker"]} for one in stated]


def _bundle(files: dict[str, bytes], **changed: object) -> dict[str, bytes]:
    name = "data/evidence/trust-bundle.json"
    stated = json.loads(files[name])
    return {name: json.dumps({**stated, "payload": {**stated["payload"], **changed}}).encode()}


@pytest.mark.parametrize("attack", sorted(STAMPS))
def test_stamps_that_prove_nothing(attack: str, stamped: tuple[dict[str, bytes], str]) -> None:
    files, made = stamped
    change, words = STAMPS[attack]
    with pytest.raises(verify_bag.Problem, match=words):
        verify_bag.check_stamp(change(files), made)


def test_a_stamp_says_what_ours_reads_in_it(stamped: tuple[dict[str, bytes], str]) -> None:
    files, made = stamped
    token = load_timestamp(files["signature.tsr"])
    assert token.tsa_certificate is not None
    found = verify_bag.check_stamp(files, made)
    assert found.authority == token.tsa_certificate.common_name
    assert found.fingerprint == sm3(token.tsa_certificate.der).hex()
    assert datetime.fromisoformat(found.time) == token.gen_time.replace(microsecond=0)
    for wrong in ("2020-01-01T00:00:00Z", "", None, "x", 7):
        with pytest.raises(verify_bag.Problem):
            verify_bag.check_stamp(files, wrong)


def test_no_octet_of_a_stamp_makes_the_script_stumble(stamped: tuple[dict[str, bytes], str]) -> None:
    files, made = stamped
    token = files["signature.tsr"]
    for place in range(0, len(token), 23):
        for flip in (1, 0x80):
            changed = token[:place] + bytes([token[place] ^ flip]) + token[place + 1 :]
            with suppress(verify_bag.Problem):
                found = verify_bag.check_stamp({**files, "signature.tsr": changed}, made)
                assert found.time == verify_bag.check_stamp(files, made).time, place
