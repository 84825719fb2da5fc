"""``docs/findings.md`` lists every code a report can hold, and no other; every code has its advice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from seal.ofd.package import ANOMALIES
from tests.verify import cases
from tests.verify.pdf import cases as pdf_cases
from verify.advice import ADVICE, advice_for
from verify.policy import COPY_STATUS_NOT_CHECKED, CURRENT, LICENCE_STATUS_NOT_CHECKED, STATE_INDICATIONS

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z0-9_]+")
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
SOURCES = (
    *sorted((ROOT / "verify").rglob("*.py")),
    *(ROOT / name for name in ("seal/checking.py", "seal/cms.py", "trust/path.py", "trust/revocation.py", "trust/ocsp.py",
                               "trust/timestamp.py")),
)  # fmt: skip
READERS = ("seal/ofd/package.py", "seal/ofd/signatures.py", "seal/ses.py", "seal/message.py", "seal/copies.py")
AREAS = ("package", "format", "integrity", "coverage", "signature", "ses", "cms", "seal", "certificate", "revocation",
         "time", "timestamp", "message", "licence", "published", "pdf", "copy", "entitlement")  # fmt: skip
NEVER_IN_A_REPORT = {
    "signer.not_valid",  # refused when sealing
    "message.format", "message.value",  # become message.face_differs
    "ses.cert_list", "ses.not_ascii",  # refused when writing
    "certificate.malformed",  # becomes signature.certificate_malformed, seal.maker_certificate, timestamp.malformed
    "revocation.malformed",  # refused when a list is loaded
    "message.digests",  # for holders who show single fields
}  # fmt: skip


def documented() -> dict[str, tuple[str, str, str]]:
    rows = ROW.findall((ROOT / "docs" / "findings.md").read_text("utf-8"))
    assert len({row[0] for row in rows}) == len(rows), "a code stands twice"
    return {code: (verdict, chinese, english) for code, verdict, chinese, english in rows}


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """``(function called, code)`` wherever a code stands among the arguments of a call."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for argument in (*node.args, *(k.value for k in node.keywords)):
                for part in ast.walk(argument) if isinstance(argument, ast.IfExp) else (argument,):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value):
                        yield name, part.value


def in_source() -> set[str]:
    codes = {code for path in SOURCES for _name, code in calls(path)}
    codes |= {code for path in READERS for name, code in calls(ROOT / path) if name == "Malformed"}
    codes |= {code for name, code in calls(ROOT / "trust/signed.py") if name == "CheckFailed"}
    codes |= set(ANOMALIES) | {LICENCE_STATUS_NOT_CHECKED, COPY_STATUS_NOT_CHECKED, "licence.unused"}
    codes |= {f"licence.{state.lower()}" for state in STATE_INDICATIONS if state != CURRENT}
    return {c for c in codes if c.partition(".")[0] in (*AREAS, LICENCE_STATUS_NOT_CHECKED, COPY_STATUS_NOT_CHECKED)} - NEVER_IN_A_REPORT


def test_every_code_is_documented() -> None:
    assert in_source() - set(documented()) == set()


def test_every_documented_code_exists() -> None:
    assert set(documented()) - in_source() == set()


def test_cases_find_only_what_is_documented() -> None:
    wanted = {case["expect"]["code"] for case in (*cases.load(), *pdf_cases.load())} - {None, "licence.frozen"}
    assert wanted - set(documented()) == set()


def test_meanings_are_given_in_both_languages() -> None:
    for code, (verdict, chinese, english) in documented().items():
        assert re.search("[\u4e00-\u9fff]", chinese), code
        assert english.strip(), code
        assert verdict.startswith(("TOTAL-FAILED", "INDETERMINATE", "warning", "info")), code


def test_every_code_has_advice_and_every_advice_a_code() -> None:
    codes = set(documented())
    assert all(advice_for(code) for code in codes)
    assert {code for code in codes if code.partition(".")[0] not in ADVICE} == set()
    assert {key for key in ADVICE if "." in key} - codes == set()
    assert advice_for("no.such_code")
