"""Licences issued by the real console, one per type, for the readers to judge."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli import run
from tests.interop.programs import OpenSSL
from tests.interop.reading import Reading

TYPES = ("business-licence", "teacher-certificate", "pollutant-permit", "social-organisation", "nurse-certificate")


def console(*arguments: str | Path) -> str:
    """Run ``licence-trust`` in this process; its standard output. As processes of their own, journeys run it."""
    with redirect_stdout(io.StringIO()) as said, redirect_stderr(io.StringIO()) as complained:
        code = run([str(one) for one in arguments])
    assert code == 0, f"{arguments}: {code}\n{said.getvalue()}\n{complained.getvalue()}"
    return said.getvalue()


@dataclass(frozen=True)
class Issued:
    """One licence as the console answered for it."""

    type: str
    record: dict[str, object]
    answer: dict[str, object]
    path: Path

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @property
    def reading(self) -> Reading:
        return Reading(self.data)

    @property
    def message(self) -> dict[str, object]:
        """The data message, read without our parser."""
        return json.loads(self.reading.entries["Doc_0/Attachs/licence.json"])


@pytest.fixture(scope="session")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interop") / "region"
    console("init", "--dir", folder)
    return folder


@pytest.fixture(scope="session")
def issue(region: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Issued]:
    """Issues one licence of the type asked for; the same one when asked again."""
    made: dict[str, Issued] = {}

    def issue_one(slug: str) -> Issued:
        if slug not in made:
            folder = tmp_path_factory.mktemp(slug)
            line = console("types", "example", slug, "--count", "1", "--seed", "7", "--dir", region)
            source = folder / "record.jsonl"
            source.write_text(line, encoding="utf-8")
            told = console("issue", "--dir", region, "--type", slug, "--input", source, "--out", folder / "out")
            answer = json.loads(told.splitlines()[0])
            path = Path(answer["files"]["ofd"])
            made[slug] = Issued(slug, json.loads(line), answer, path if path.is_absolute() else folder / "out" / path)
        return made[slug]

    return issue_one


@pytest.fixture(params=TYPES)
def issued(request: pytest.FixtureRequest, issue: Callable[[str], Issued]) -> Issued:
    """A sealed licence of each shipped type in turn."""
    return issue(request.param)


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSSL:
    return OpenSSL(tmp_path)
