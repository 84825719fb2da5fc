"""Documents that restate what the code says must say the same."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_setting_is_in_the_operations_manual() -> None:
    settings = importlib.import_module("api.settings")
    manual = read("operations.md")
    for field in fields(settings.Settings):
        assert f"`{settings.PREFIX}{field.name.upper()}`" in manual
    mentioned = set(re.findall(rf"{settings.PREFIX}([A-Z_]+)", manual))
    assert {name.lower() for name in mentioned} <= {field.name for field in fields(settings.Settings)}


def test_every_dependency_has_its_line() -> None:
    text = read("dependencies.md").lower()
    extras = PROJECT["project"]["optional-dependencies"]
    for requirement in [*PROJECT["project"]["dependencies"], *extras["dev"], *extras["interop"]]:
        name = re.split(r"[<>=\[ ]", requirement)[0]
        assert name in text, f"docs/dependencies.md does not say why {name} is here"
        assert re.search(r">=.*<", requirement), f"{requirement}: give a lowest and a highest version"


def test_the_message_document_names_every_member() -> None:
    message = importlib.import_module("seal.message")
    text = read("formats.md")
    for name in (*message.METADATA_KEYS, *message.FORMATS, *message.CUSTOM_DATA_NAMES.values()):
        assert name in text, f"docs/formats.md does not name {name}"


def test_the_version_is_in_the_changelog() -> None:
    version = importlib.import_module("api").__version__
    assert f"## [{version}]" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (DOCS / "adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
    for path in (DOCS / "adr").glob("[0-9]*.md"):
        text = path.read_text(encoding="utf-8")
        for part in ("Status:", "**Context.**", "**Decision.**", "**Consequences.**", "**Not taken.**"):
            assert part in text, f"{path.name} has no {part}"


def test_the_console_manual_is_the_commands_own() -> None:
    done = subprocess.run(
        [sys.executable, "tools/cli_reference.py", "--check"], cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": "."}, check=False
    )
    assert done.returncode == 0, "docs/cli.md is old: run tools/cli_reference.py"


def test_the_tables_of_uploads_are_the_data() -> None:
    done = subprocess.run(
        [sys.executable, "tools/upload_tables.py", "--check"], cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": "."}, check=False
    )
    assert done.returncode == 0, "docs/uploads.md is old: run tools/upload_tables.py"


@pytest.mark.parametrize("module", ["catalogue", "issuer", "licences", "verifier", "seals", "certificates", "trust", "trust_services", "health", "proofs", "entry", "uploads", "bags", "materials", "space_materials", "space_sessions", "space_delegations", "oauth", "sharing", "regions", "transfers", "subscriptions"])
def test_every_route_is_in_the_http_manual(module: str) -> None:
    """Whatever its parameters are called."""
    router = importlib.import_module(f"api.routes.{module}").router
    manual = re.sub(r"\{\w+\}", "{}", read("http.md"))
    for route in router.routes:
        path = re.sub(r"\{\w+(:\w+)?\}", "{}", route.path)
        assert path in manual, f"docs/http.md does not name {route.path}"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda p: p.name)
def test_json_in_documents_is_json(path: Path) -> None:
    for text in re.findall(r"```json\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        json.loads(text)


def test_every_refusal_of_the_space_is_in_its_manual() -> None:
    sources = [*(REPOSITORY / "licence_store" / "holding").glob("*.py"), *(REPOSITORY / "api" / one for one in SPACE_SOURCES)]
    raised = {code for path in sources for code in re.findall(r'"((?:holder|delegation)\.[a-z_]+)",\s+"', path.read_text(encoding="utf-8"))}
    assert len(raised) > 30
    manual = read("holders.md")
    assert {code for code in raised if f"`{code}`" not in manual} == set()


SPACE_SOURCES = ("oidc.py", "providers.py", "signing_in.py", "holder_deps.py", "routes/pages_space_account.py", "routes/pages_space_delegations.py")
