"""The examples of collection run as they are shipped: every mode, on both engines, by the console."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import func, select

from api.cli import run
from licence_store.cases import Casework
from licence_store.collection.models import QuarantineRow
from licence_store.desk import DeskSettings, open_desk

EXAMPLES = Path(__file__).parents[2] / "examples" / "collection"


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("collection_examples", EXAMPLES / "run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def console(
    settings: DeskSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[list[str]], tuple[int, list[dict[str, Any]]]]:
    """The command line, in this process, on the region's engine."""
    if settings.database_url:
        monkeypatch.setenv("LICENCE_TRUST_DATABASE_URL", settings.database_url)

    def command(arguments: list[str]) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = run([*arguments, "--dir", str(settings.directory)])
        lines = capsys.readouterr().out.splitlines()
        return status, [json.loads(line) for line in lines if line.startswith("{")]

    return command


SOURCES = {
    "scan": ("证照录入", "A"), "material": ("申请材料电子化", "B"), "result": ("审批结果电子化", "A"),
    "compose": ("证照自动合成", "A"), "repository": ("整合其他电子证照库", "A"), "proof": ("电子证明", "A"),
}  # fmt: skip


def test_every_mode_runs(settings: DeskSettings, console: Any) -> None:
    made = example().demonstrate(console, settings.directory)
    # the society of mode 3 is of the same type as those of mode 5
    assert {mode: len(ids) for mode, ids in made.items()} == {
        "scan": 2, "material": 1, "result": 1, "compose": 7, "repository": 7, "proof": 1,
    }  # fmt: skip
    desk = open_desk(settings)
    try:
        for mode, ids in made.items():
            for licence_id in set(ids) - (set(made["result"]) if mode == "repository" else set()):
                view = desk.register.find(licence_id)
                facts = view.message.metadata
                title, credibility = SOURCES[mode]
                assert facts["source"].startswith(title)
                assert facts["credibility"] == credibility
                assert str(desk.verifier().verify(desk.register.file(view)).indication) == "TOTAL-PASSED"
        casework = Casework(desk.sessions)
        assert casework.of_case("990000-2026-0417") == tuple(made["material"])
        assert casework.of_case("990000-2026-0512") == tuple(made["result"])
        assert len(casework.of_case("990000-2026-0001")) == 1
        assert casework.of_case("990000-2026-0004") == ()  # its credit code is wrong
        with desk.sessions.read() as session:
            assert session.execute(select(func.count()).select_from(QuarantineRow)).scalar_one() == 1
        old = desk.register.find(made["scan"][0]).summary
        assert (old.licence_number, old.issued_on) == ("20119900000000001", "2011-06-10")
    finally:
        desk.close()


def test_the_request_over_http_is_one(settings: DeskSettings) -> None:
    """What the README sends with curl is a request the service takes."""
    from api.schemas.issuer import IssueRequest

    asked = IssueRequest.model_validate_json((EXAMPLES / "4-compose/request.json").read_text("utf-8"))
    desk = open_desk(settings)
    try:
        kind = desk.catalogue.get(asked.type)
        assert kind.validate_record(asked.record)
    finally:
        desk.close()
