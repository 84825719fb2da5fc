"""跨地区旅程: minted in A, presented in B, verified, compared, a limited copy taken, lost, refused: a table of steps.

Each step says what it expects and what came; it fails where these differ, and those after it that need it are skipped.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from api.simulator.asking import Clerk, verify
from api.simulator.federation import BASIS, DEPARTMENT, ITEM, TYPE, Federation
from api.simulator.processes import Node
from trust.errors import LicenceTrustError
from trust.i18n import N_
from trust.identifiers import credit_code_check_char

SEED: Final = 7
CLERK: Final = "clerk"
CASE: Final = "模拟-2026-0001"
WITHIN: Final = 60.0
"""Seconds from a loss reported in A to its refusal in B."""
_AGAIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the journey: what is done, and what should come of it."""

    name: str
    title: str
    where: str
    """``A`` (issues) or ``B`` (the citizen is there)."""
    expected: str
    act: Callable[[Journey], str]
    """Does it and says what came; equal to ``expected`` if all is well."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a step."""

    name: str
    title: str
    region: str
    expected: str
    got: str
    passed: bool
    seconds: float
    facts: dict[str, object]

    def to_json(self) -> dict[str, object]:
        return {
            "step": self.name, "region": self.region, "expected": self.expected, "got": self.got, "ok": self.passed,
            "seconds": round(self.seconds, 3), **self.facts,
        }  # fmt: skip


@dataclass
class Journey:
    """旅程 over a running federation."""

    federation: Federation
    a: Node
    b: Node
    seed: int = SEED
    licence_id: str = ""
    holder: dict[str, str] = field(default_factory=dict)
    document: bytes = b""
    copy: bytes = b""
    facts: dict[str, object] = field(default_factory=dict)
    """Of the step that is under way."""

    def run(self) -> Iterator[Result]:
        """Every step's result, as it comes."""
        broken = False
        for step in STEPS:
            region, self.facts = (self.a if step.where == "A" else self.b).code, {}
            began = time.monotonic()
            try:
                got = "SKIPPED" if broken else step.act(self)
            except LicenceTrustError as error:
                got, self.facts = error.code, {"message": error.message}
            except (KeyError, TypeError, ValueError, IndexError) as error:  # an answer that is none
                got, self.facts = "UNREADABLE", {"message": f"{type(error).__name__}: {error}"[:200]}
            passed = got == step.expected
            broken = broken or not passed
            seconds = time.monotonic() - began
            yield Result(step.name, step.title, region, step.expected, got, passed, seconds, self.facts)

    def clerk(self, item: str = ITEM) -> Clerk:
        purpose = ("--service-item", item, "--material", "营业执照", "--case", CASE, "--basis", BASIS)
        return Clerk(self.b, CLERK, purpose)

    def file(self, name: str) -> Path:
        return self.federation.place / name


def _mint(one: Journey) -> str:
    one.holder = one.a.command("types", "example", TYPE, "--count", "1", "--seed", str(one.seed))[0]
    source, out = one.file("record.jsonl"), one.file("issued")
    source.write_text(json.dumps(one.holder, ensure_ascii=False) + "\n", "utf-8")
    [issued] = one.a.command("issue", "--type", TYPE, "--input", str(source), "--out", str(out))
    one.licence_id = str(issued["licence_id"])
    one.facts = {"licence_id": one.licence_id, "licence_number": issued["licence_number"]}
    return "ISSUED"


def _share(one: Journey) -> str:
    """B's node is registered with A and applies; the department that issues decides (tiered handling, R116)."""
    known = {str(row["id"]) for row in one.a.command("share", "systems")}
    if f"region:{one.b.code}" in known:
        return "approved"
    number = f"11{one.b.code}MB0D00090"
    one.a.command(
        "share", "register", "--node", "--region", one.b.code, "--name", one.b.name, "--organisation",
        f"{one.b.name}政务服务局", "--code", number + credit_code_check_char(number),
    )  # fmt: skip
    wanted = [word for name in ("licence", "check", "compare", "download") for word in ("--operation", name)]
    [applied] = one.a.command(
        "share", "apply", f"region:{one.b.code}", TYPE, *wanted, "--service-item", ITEM, "--basis", BASIS,
        "--reason", "跨省通办", "--department", DEPARTMENT,
    )  # fmt: skip
    until = (one.a.clock() + timedelta(days=180)).date().isoformat()
    decision = ("share", "decide", str(applied["id"]), "approve", "--reason", "同意", "--until", until)
    return str(one.a.command(*decision)[0]["state"])


def _present(one: Journey) -> str:
    """The citizen takes the sealed original out of the own space in A and hands it in at B."""
    out = one.file("presented.ofd")
    shown = one.a.command(
        "space", "show", one.licence_id, "--holder", _code(one), "--format", "ofd", "--out", str(out)
    )[0]
    one.document = out.read_bytes()
    one.facts = {"size": len(one.document), "fields": len(shown["face"])}
    if CLERK not in {str(row["account"]) for row in one.b.command("accounts", "list")}:
        one.b.command("accounts", "create", CLERK, "--role", "officer", "--department", DEPARTMENT)
    return "PRESENTED"


def _verify(one: Journey) -> str:
    report = verify(one.b, one.document)
    stands = (report.get("trust_list") or {}).get("entitlement") or {}
    one.facts = {"level": stands.get("level"), "issuing_region": stands.get("region"), "list": stands.get("list")}
    if report["indication"] != "TOTAL-PASSED":
        one.facts["findings"] = [found["code"] for found in report["findings"]]
    return str(report["sub_indication"] or report["indication"]) + f" {stands.get('level', '-')}"


def _everywhere(one: Journey) -> str:
    """Every other region's node judges the same file."""
    said = {node.code: str(verify(node, one.document)["indication"]) for node in one.federation.nodes}
    one.facts = {"regions": said}
    return "TOTAL-PASSED" if set(said.values()) == {"TOTAL-PASSED"} else "DIFFERENT"


def _compare(one: Journey) -> str:
    return _asked(one, "compare", document=base64.b64encode(one.document).decode())


def _compare_false(one: Journey) -> str:
    """A face field that the citizen's form states wrongly: told without telling the value."""
    return _asked(one, "check", licence_id=one.licence_id, fields={"name": "另一家公司"})


def _take_copy(one: Journey) -> str:
    until = (one.a.clock() + timedelta(days=7)).isoformat(timespec="seconds").replace("+00:00", "Z")
    wishes = {"until": until, "uses": 1, "recipient": one.b.name}
    answer = one.clerk().ask("download", licence_id=one.licence_id, form="ofd", copy=wishes)
    result = answer["result"]
    one.copy = base64.b64decode(result["content"])
    one.facts = {"copy_id": result["copy_id"], "size": len(one.copy), "until": until}
    return f"{result['kind'].upper()} {answer['outcome']}"


def _use_copy(one: Journey) -> str:
    """The copy at B's window: for its purpose, and for another."""
    parts = {"document": base64.b64encode(one.copy).decode()}
    stated = {"purpose": ITEM, "recipient": one.b.name, "service_item": ITEM, "case_number": CASE}
    said = [
        one.clerk().ask("verify", **parts, stated={**stated, "purpose": purpose})["outcome"]
        for purpose in (ITEM, "办理银行贷款")
    ]
    return " ".join(said)


def _beyond(one: Journey) -> str:
    """The same for a service item that nobody approved: refused by A itself."""
    return _asked(one, "download", "企业变更登记", licence_id=one.licence_id)


def _lose(one: Journey) -> str:
    """The holder reports the loss, in the own space of A."""
    [told] = one.a.command("space", "report-lost", one.licence_id, "--holder", _code(one), "--reason", "遗失")
    return str(told.get("state", told))


def _refused(one: Journey) -> str:
    began, report, tries = time.monotonic(), {}, 0
    while time.monotonic() - began < WITHIN:
        report, tries = verify(one.b, one.document), tries + 1
        if report["sub_indication"] == "LICENCE_LOST":
            break
        time.sleep(_AGAIN)
    one.facts = {"after_seconds": round(time.monotonic() - began, 1), "asked": tries, "within": WITHIN}
    return str(report["sub_indication"])


def _no_copy(one: Journey) -> str:
    return _asked(one, "download", licence_id=one.licence_id)


def _ledger(one: Journey) -> str:
    """What the holder sees in the own space of A: B's comparison and B's copy, with B's name."""
    rows = one.a.command("ledger", "show", "--holder", _code(one), "--others", "--limit", "50")
    uses = [row for row in rows if one.b.name in str(row)]
    acts = sorted({str(row["act"]) for row in uses})
    one.facts = {"entries": len(uses), "acts": acts}
    return "BOTH" if {"check", "copy"} <= set(acts) or {"check", "download"} <= set(acts) else "MISSING"


def _asked(one: Journey, operation: str, item: str = ITEM, **parameters: object) -> str:
    answer = one.clerk(item).ask(operation, **parameters)
    region = answer["result"].get("region", {})
    one.facts = {"answered_by": region.get("code", ""), "as_of": region.get("as_of", "")}
    return str(answer["outcome"])


def _code(one: Journey) -> str:
    return one.holder["holder_code"] if "holder_code" in one.holder else one.holder["credit_code"]


STEPS: Final = (
    Step("mint", N_("在 {A} 签发证照"), "A", "ISSUED", _mint),
    Step("share", N_("{B} 的节点向 {A} 申请共享，颁证部门同意"), "A", "approved", _share),
    Step("present", N_("持证者从 {A} 的用户空间取出原件，在 {B} 出示"), "B", "PRESENTED", _present),
    Step("verify", N_("{B} 的窗口核验：原件为 A 级"), "B", "TOTAL-PASSED A", _verify),
    Step("verify_everywhere", N_("其他各地区同样核验通过"), "B", "TOTAL-PASSED", _everywhere),
    Step("compare", N_("{B} 与 {A} 的登记逐项比对"), "B", "SAME", _compare),
    Step("check", N_("填错的照面项被 {A} 判为不符，不透露内容"), "B", "FALSE", _compare_false),
    Step("copy", N_("{B} 取得限定用途的副本"), "B", "COPY FOUND", _take_copy),
    Step("use_copy", N_("副本只用于所限的用途：另作他用即被拒绝"), "B", "TOTAL-PASSED TOTAL-FAILED", _use_copy),
    Step("beyond", N_("未获同意的事项被 {A} 拒绝"), "B", "sharing.access_item", _beyond),
    Step("lose", N_("持证者在 {A} 挂失"), "A", "LOST", _lose),
    Step("refused", N_("{B} 在一分钟内拒绝该证照"), "B", "LICENCE_LOST", _refused),
    Step("no_copy", N_("挂失后不再提供文件"), "B", "licence.not_referencable", _no_copy),
    Step("ledger", N_("持证者在用证记录中看到 {B} 的比对和取用"), "A", "BOTH", _ledger),
)
