"""The console contract: results on stdout, exit statuses, and a clear answer to every wrong call."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import COMMANDS, run
from tests.journeys.conftest import TEACHER
from tests.verify import world
from tests.verify.world import SealRecipe, SignatureRecipe

REPOSITORY = Path(__file__).parents[2]
Captured = pytest.CaptureFixture[str]


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """A real process, as a shell would start it."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *map(str, arguments)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def records(place: Path, tmp_path: Path, capsys: Captured) -> Path:
    assert run(["types", "example", "teacher-certificate", "--count", "5", "--seed", "77", "--dir", str(place)]) == 0
    path = tmp_path / "records.jsonl"
    path.write_text(capsys.readouterr().out, "utf-8")
    return path


# The straight path


def test_a_new_region_issues_and_verifies_with_processes_of_their_own(tmp_path: Path) -> None:
    made = command("init", "--dir", tmp_path / "r", "--region", "880000", "--name", "试验省")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["region"] == "880000"
    examples = command("types", "example", "pollutant-permit", "--dir", tmp_path / "r")
    (tmp_path / "one.json").write_text(examples.stdout, "utf-8")
    issued = command(
        "issue", "--type", "pollutant-permit", "--input", tmp_path / "one.json", "--out", tmp_path / "out", "--dir", tmp_path / "r"
    )  # fmt: skip
    assert issued.returncode == 0, issued.stderr
    [line] = lines(issued.stdout)
    assert set(line) == {"licence_id", "licence_number", "version", "files"}
    file = line["files"]["ofd"]  # type: ignore[index]
    verified = command("verify", file, "--json", "--dir", tmp_path / "r")
    assert verified.returncode == 0, verified.stdout
    report = json.loads(verified.stdout)
    assert report["indication"] == "TOTAL-PASSED"
    assert report["sub_indication"] is None
    assert report["document"]["licence_id"] == line["licence_id"]
    [seal] = report["signatures"]
    assert seal["kind"] == "seal"
    assert seal["time"]["proved"] is True
    twin = shutil.copytree(tmp_path / "r", tmp_path / "elsewhere" / "twin")
    assert command("verify", file, "--dir", twin).returncode == 0


def test_the_same_on_both_databases(
    database_url: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ["--dir", str(tmp_path / "r")]
    monkeypatch.setenv("LICENCE_TRUST_DATABASE_URL", database_url)
    assert run(["demo", *folder]) == 0
    made = json.loads(capsys.readouterr().out)
    assert run(["verify", made["licence"], "--json", *folder]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert run(["types", "example", "business-licence", "--count", "40", "--seed", "4", *folder]) == 0
    (tmp_path / "some.jsonl").write_text(capsys.readouterr().out, "utf-8")
    call = [
        "issue",
        "--type",
        "business-licence",
        "--input",
        str(tmp_path / "some.jsonl"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert run([*call, *folder]) == 0
    first = capsys.readouterr().out
    assert len(first.splitlines()) == 40
    assert run([*call, *folder]) == 0
    assert capsys.readouterr().out == first
    assert run(["journal", "check", *folder]) == 0
    assert run(["db", "upgrade", *folder]) == 0


def test_issue_prints_one_line_per_record_in_order_and_the_same_when_run_again(
    place: Path, records: Path, tmp_path: Path, capsys: Captured
) -> None:
    text = records.read_text("utf-8").splitlines()
    text.insert(2, '{"name": "无名"}')
    text.insert(4, "not json")
    records.write_text("\n".join(text) + "\n", "utf-8")
    call = [
        "issue",
        "--type",
        "教师资格证书",
        "--input",
        str(records),
        "--out",
        str(tmp_path / "out"),
        "--dir",
        str(place),
    ]
    assert run(call) == 1
    first = capsys.readouterr()
    assert run(call) == 1
    assert capsys.readouterr().out == first.out
    answered = lines(first.out)
    assert [one.get("record") for one in answered] == [None, None, 3, None, 5, None, None]
    assert answered[2]["error"]["code"] == "record.missing_field"  # type: ignore[index]
    assert answered[4]["error"]["code"] == "intake.json"  # type: ignore[index]
    assert len({one["licence_id"] for one in answered if "licence_id" in one}) == 5
    assert len(list((tmp_path / "out").glob("*.ofd"))) == 5


def test_csv_and_record_id(place: Path, tmp_path: Path, capsys: Captured) -> None:
    assert run(["types", "example", "teacher-certificate", "--count", "2", "--seed", "78", "--dir", str(place)]) == 0
    people = lines(capsys.readouterr().out)
    header = ["record_id", *people[0]]
    rows = [",".join(header)] + [",".join([f"r{n}", *map(str, one.values())]) for n, one in enumerate(people)]
    (tmp_path / "people.CSV").write_bytes("\r\n".join(rows).encode("gb18030"))
    call = ["issue", "--type", "teacher-certificate", "--input", str(tmp_path / "people.CSV"), "--out", str(tmp_path)]
    assert run([*call, "--dir", str(place), "--as", "education"]) == 0
    first = lines(capsys.readouterr().out)
    changed = people[0] | {"record_id": "r0", "subject": "历史"}
    (tmp_path / "again.json").write_text(json.dumps(changed), "utf-8")
    assert run([*call[:4], str(tmp_path / "again.json"), *call[5:], "--dir", str(place)]) == 0
    assert lines(capsys.readouterr().out)[0]["licence_id"] == first[0]["licence_id"]


def test_verify_needs_no_region_when_a_bundle_is_given(place: Path, tmp_path: Path, capsys: Captured) -> None:
    file, bundle = place / "demo" / "business-licence.ofd", tmp_path / "deep" / "bundle.json"
    assert run(["trust", "export", "--out", str(bundle), "--dir", str(place)]) == 0
    capsys.readouterr()
    assert run(["verify", str(file), "--trust", str(bundle), "--dir", str(tmp_path / "nowhere"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [f["code"] for f in report["findings"]] == ["LICENCE_STATUS_NOT_CHECKED"]
    assert not (tmp_path / "nowhere").exists()


def test_verify_exit_statuses(place: Path, tmp_path: Path, capsys: Captured) -> None:
    good = (place / "demo" / "business-licence.ofd").read_bytes()
    (tmp_path / "cut.ofd").write_bytes(good[: len(good) // 2])
    (tmp_path / "empty.ofd").write_bytes(b"")
    for name in ("cut.ofd", "empty.ofd"):
        assert run(["verify", str(tmp_path / name), "--json", "--dir", str(place)]) == 1
        assert json.loads(capsys.readouterr().out)["sub_indication"] == "FORMAT_FAILURE"
    assert run(["init", "--dir", str(tmp_path / "stranger")]) == 0
    capsys.readouterr()
    assert (
        run(["verify", str(place / "demo" / "business-licence.ofd"), "--json", "--dir", str(tmp_path / "stranger")])
        == 2
    )
    assert json.loads(capsys.readouterr().out)["sub_indication"] == "NO_CERTIFICATE_CHAIN_FOUND"
    early = ["--at", "2020-01-01T00:00:00Z"]
    assert run(["verify", str(place / "demo" / "business-licence.ofd"), *early, "--dir", str(place)]) in (1, 2)


def test_names_in_a_file_print_no_verdict_of_their_own(place: Path, tmp_path: Path, capsys: Captured) -> None:
    recipe = SignatureRecipe(seal=SealRecipe(name="\x1b[2J章\n✓ 核验通过  [TOTAL-PASSED]"))
    unsigned = world.unsigned()
    entries = world.seal_again({e.name: e.data for e in unsigned.entries}, [recipe], unsigned.message)
    (tmp_path / "a.ofd").write_bytes(world.pack(entries))
    assert run(["verify", str(tmp_path / "a.ofd"), "--dir", str(place)]) == 2
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert not any(line.startswith("✓") for line in said.splitlines())


def test_one_hostile_record_does_not_stop_the_others(
    place: Path, records: Path, tmp_path: Path, capsys: Captured
) -> None:
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text('{"\\ud800": "x"}\n' + records.read_text("utf-8"), "utf-8")
    assert run(["issue", "--type", TEACHER, "--input", str(mixed), "--out", str(tmp_path), "--dir", str(place)]) == 1
    first, *others = lines(capsys.readouterr().out)
    assert first["record"] == 1
    assert others
    assert all("licence_id" in one for one in others)


def test_verify_speaks_chinese_and_english(place: Path, capsys: Captured) -> None:
    file = str(place / "demo" / "teacher-certificate.ofd")
    assert run(["verify", file, "--dir", str(place)]) == 0
    assert "核验通过" in capsys.readouterr().out
    assert run(["verify", file, "--dir", str(place), "--lang", "en"]) == 0
    assert "Verified" in capsys.readouterr().out


def test_demo_again_changes_nothing(place: Path, capsys: Captured) -> None:
    assert run(["demo", "--dir", str(place)]) == 0
    first = json.loads(capsys.readouterr().out)
    assert run(["demo", "--dir", str(place)]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert first["verdict"] == "TOTAL-PASSED"
    assert Path(first["licence"]).is_file()


def test_a_fourth_type_by_a_file_alone(place: Path, tmp_path: Path, capsys: Captured) -> None:
    from licence_store.definitions import shipped_definitions
    from trust.identifiers import credit_code_check_char

    source = json.loads(json.dumps(shipped_definitions()[0].source))
    owner = "11880000MB0D0009" + "8"
    source["code"] = owner + credit_code_check_char(owner) + "009"
    source["slug"], source["name"] = "fishing-permit", {"zh": "捕捞许可证", "en": "Fishing permit"}
    (tmp_path / "type.json").write_text(json.dumps(source), "utf-8")
    assert run(["types", "import", str(tmp_path / "type.json"), "--dir", str(place)]) == 0
    assert len(json.loads(capsys.readouterr().out)["departments"]) == 1
    assert run(["types", "example", "fishing-permit", "--dir", str(place)]) == 0
    (tmp_path / "one.json").write_text(capsys.readouterr().out, "utf-8")
    issue = ["issue", "--type", "fishing-permit", "--input", str(tmp_path / "one.json"), "--out", str(tmp_path)]
    assert run([*issue, "--dir", str(place)]) == 0
    file = lines(capsys.readouterr().out)[0]["files"]["ofd"]  # type: ignore[index]
    assert run(["verify", file, "--dir", str(place)]) == 0


def test_accounts_and_tokens(place: Path, capsys: Captured) -> None:
    folder = ["--dir", str(place)]
    assert run(["accounts", "create", "clerk", "--department", "education", *folder]) == 0
    assert len(json.loads(capsys.readouterr().out)["password"]) > 15
    assert run(["tokens", "create", "--label", "school system", "--scope", "issue", "--as", "clerk", *folder]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["departments"] == ["education"]
    assert run(["tokens", "revoke", made["id"], "--as", "admin", *folder]) == 0
    capsys.readouterr()
    assert run(["tokens", "list", *folder]) == 0
    [listed] = [one for one in lines(capsys.readouterr().out) if one["id"] == made["id"]]
    assert listed["revoked"] is True
    assert "token" not in listed
    assert run(["accounts", "disable", "clerk", *folder]) == 0
    assert run(["tokens", "create", "--label", "x", "--scope", "issue", "--as", "clerk", *folder]) == 3
    assert "account.disabled" in capsys.readouterr().err


@pytest.mark.parametrize(
    "call",
    [
        ["accounts", "create", "mole", "--as", "keeper"],
        ["accounts", "set-password", "approver", "--as", "market"],
        ["accounts", "disable", "auditor", "--as", "market"],
        ["tokens", "revoke", "zz", "--as", "auditor"],
    ],
)
def test_accounts_are_the_administrator_s(place: Path, capsys: Captured, call: list[str]) -> None:
    before = _accounts(place, capsys)
    assert run([*call, "--dir", str(place)]) == 3
    assert " account.not_admin: " in capsys.readouterr().err
    assert _accounts(place, capsys) == before


def _accounts(place: Path, capsys: Captured) -> list[object]:
    assert run(["accounts", "list", "--dir", str(place)]) == 0
    return list(lines(capsys.readouterr().out))


def test_journal_check(made_demo: Path, tmp_path: Path, capsys: Captured) -> None:
    import sqlite3

    place = Path(shutil.copytree(made_demo, tmp_path / "r"))
    assert run(["verify", str(place / "demo" / "business-licence.ofd"), "--dir", str(place)]) == 0
    capsys.readouterr()
    with sqlite3.connect(place / "register.sqlite3") as database:
        newest = database.execute(
            "SELECT action, actor, result FROM journal_entry ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    database.close()
    assert newest == ("document.verify", "console", "TOTAL-PASSED")
    assert run(["journal", "check", "--dir", str(place)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["intact"] is True
    assert found["entries"] > 10
    with sqlite3.connect(place / "register.sqlite3") as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE journal_entry SET actor = 'nobody' WHERE seq = 5")
    database.close()
    assert run(["journal", "check", "--dir", str(place)]) == 1
    assert json.loads(capsys.readouterr().out)["at"] == 5


# Wrong calls

WRONG = [
    ([], None),
    (["bogus"], "cli.usage"),
    (["--bogus"], "cli.usage"),
    (["init", "--bogus"], "cli.usage"),
    (["init", "extra"], "cli.usage"),
    (["init", "--dir", "{place}"], "region.exists"),
    (["init", "--dir", "{full}"], "region.not_empty"),
    (["init", "--dir", "{new}", "--region", "abc"], "region.code"),
    (["init", "--dir", "{new}", "--name", ""], "region.name"),
    (["init", "--dir", "/dev/null/x"], "region."),
    (["demo", "--dir", "{full}"], "region.not_empty"),
    (["demo", "--port", "99999", "--dir", "{new}"], "cli.usage"),
    (["serve", "--dir", "{new}"], "region.missing"),
    (["serve", "--dir", "{place}", "--host", "not.an.address.invalid."], "serve.address"),
    (["serve", "--port", "many"], "cli.usage"),
    (["issue"], "cli.usage"),
    (["issue", "--type", "x", "--input", "{file}", "--out", "{new}", "--dir", "{new}"], "region.missing"),
    (["issue", "--type", "x", "--input", "{file}", "--out", "{new}", "--dir", "{place}"], "type.unknown"),
    (["issue", "--type", "teacher-certificate", "--input", "{new}.json", "--out", "{new}"], "intake.missing"),
    (["issue", "--type", "teacher-certificate", "--input", "{odd}", "--out", "{new}"], "intake.suffix"),
    (["issue", "--type", "teacher-certificate", "--input", "{file}", "--out", "{odd}", "--dir", "{place}"], "batch.out_dir"),
    (["issue", "--type", "teacher-certificate", "--input", "{file}", "--out", "{new}", "--as", "who", "--dir", "{place}"],
     "account.unknown"),
    (["issue", "--type", "teacher-certificate", "--input", "{file}", "--out", "{new}", "--as", "auditor", "--dir", "{place}"],
     "account.not_officer"),
    (["issue", "--type", "teacher-certificate", "--input", "{file}", "--out", "{new}", "--as", "market", "--dir", "{place}"],
     "grant.missing"),
    (["issue", "--type", "teacher-certificate", "--input", "{file}", "--out", "{new}", "--format", "docx"], "cli.usage"),
    (["issue", "--type", "teacher-certificate", "--input", "{file}", "--out", "{new}", "--format", "doc"], "cli.usage"),
    (["verify"], "cli.usage"),
    (["verify", "{new}", "--dir", "{place}"], "file.unreadable"),
    (["verify", "{full}", "--dir", "{place}"], "file.unreadable"),
    (["verify", "{file}", "--dir", "{new}"], "region.missing"),
    (["verify", "{file}", "--at", "yesterday", "--dir", "{place}"], "moment.malformed"),
    (["verify", "{file}", "--at", "2026-11-22T08:00:00", "--dir", "{place}"], "moment.malformed"),
    (["verify", "{file}", "--trust", "{new}"], "file.unreadable"),
    (["verify", "{file}", "--trust", "{odd}"], "bundle.malformed"),
    (["verify", "{file}", "{file}"], "cli.usage"),
    (["trust"], None),
    (["trust", "export", "--dir", "{place}"], "cli.usage"),
    (["trust", "export", "--out", "{full}", "--dir", "{place}"], "file.unusable"),
    (["trust", "export", "--out", "{new}", "--dir", "{new}"], "region.missing"),
    (["types", "bogus"], "cli.usage"),
    (["types", "list", "--dir", "{new}"], "region.missing"),
    (["types", "show", "--dir", "{place}"], "cli.usage"),
    (["types", "show", "nothing", "--dir", "{place}"], "type.unknown"),
    (["types", "import", "{odd}", "--dir", "{place}"], "type.not_json"),
    (["types", "import", "{empty}", "--dir", "{place}"], "type."),
    (["types", "import", "{new}", "--dir", "{place}"], "file.unreadable"),
    (["types", "example", "teacher-certificate", "--count", "0", "--dir", "{place}"], "cli.usage"),
    (["types", "example", "teacher-certificate", "--seed", "x", "--dir", "{place}"], "cli.usage"),
    (["types", "example", "nothing", "--dir", "{place}"], "type.unknown"),
    (["journal", "check", "--dir", "{new}"], "region.missing"),
    (["accounts", "create", "a b", "--dir", "{place}"], "account.name"),
    (["accounts", "create", "admin", "--dir", "{place}"], "account.exists"),
    (["accounts", "create", "fine", "--role", "king", "--dir", "{place}"], "cli.usage"),
    (["accounts", "create", "fine", "--department", "none", "--dir", "{place}"], "department.unknown"),
    (["accounts", "disable", "nobody", "--dir", "{place}"], "account.unknown"),
    (["accounts", "set-password", "nobody", "--dir", "{place}"], "account.unknown"),
    (["tokens", "create", "--scope", "issue", "--dir", "{place}"], "cli.usage"),
    (["tokens", "create", "--label", "x", "--scope", "everything", "--dir", "{place}"], "cli.usage"),
    (["tokens", "create", "--label", "x", "--scope", "issue", "--as", "who", "--dir", "{place}"], "account.unknown"),
    (["tokens", "create", "--label", "x", "--scope", "issue", "--type", "who", "--as", "admin", "--dir", "{place}"],
     "type.unknown"),
    (["tokens", "revoke", "zz", "--dir", "{place}"], "token.unknown"),
    (["db", "upgrade", "--dir", "{new}"], "region.missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "code"), WRONG, ids=lambda value: " ".join(value)[:80] if isinstance(value, list) else ""
)
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_a_wrong_call_is_answered_in_one_line_and_exits_3(
    call: list[str],
    code: str | None,
    lang: str,
    place: Path,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LICENCE_TRUST_LANG", lang)
    names = {"place": place, "new": tmp_path / "new", "full": tmp_path, "file": tmp_path / "file.json", "odd": tmp_path / "odd.txt",
             "empty": tmp_path / "empty.json"}  # fmt: skip
    (tmp_path / "file.json").write_text('{"name": "x"}')
    (tmp_path / "odd.txt").write_text("nothing of interest")
    (tmp_path / "empty.json").write_text("{}")
    assert run([part.format(**names) for part in call]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    if code is not None:
        last = shown.err.strip().splitlines()[-1]
        assert last.startswith(("错误 ", "Error ")), shown.err
        assert code in last
        assert "internal.fault" not in last


def test_every_command_has_help_with_dir(capsys: Captured) -> None:
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "--help" in shown
        assert "--dir" in shown or "COMMAND [ARGS]" in shown, name


def test_help_loads_nothing_heavy() -> None:
    """What makes ``--help`` answer at once (bench: ``cold_help``): database, XML, fonts and web stay where they are."""
    heavy = ["sqlalchemy", "lxml", "uharfbuzz", "PIL", "fastapi", "asn1crypto", "jsonschema"]
    program = (
        "import sys\nfrom api.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"sys.exit(','.join(m for m in {heavy!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_defect_leaves_one_line_and_a_log(place: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("deliberate")

    monkeypatch.setattr("api.catalogue_office.listed", broken)
    assert run(["types", "list", "--dir", str(place)]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("错误 internal.fault")
    assert "Traceback" not in shown.err
    assert "deliberate" in (place / "licence-trust-errors.log").read_text("utf-8")


def test_a_reader_that_goes_away(place: Path) -> None:
    pipe = f"{sys.executable} -m api.cli types example teacher-certificate --count 20000 --dir {place} | head -n 1"
    done = subprocess.run(["bash", "-c", pipe], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_an_interrupt_is_clean(place: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "types", "example", "business-licence", "--count", "10000000", "--dir", str(place)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline()  # it is at work, however slow the machine
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
