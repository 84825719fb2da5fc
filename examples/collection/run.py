"""Every mode of collection, one after the other, on the examples beside this file.

    python examples/collection/run.py REGION          REGION: a folder made by `licence-trust init`, or one to be made

Each step prints the command it runs and what came of it. Run again, nothing is issued twice but what a person enters
anew; begin with a fresh region to see it all.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
Command = Callable[[list[str]], tuple[int, list[dict[str, Any]]]]
"""Runs `licence-trust` with these arguments; gives its exit status and its lines of JSON."""


def demonstrate(command: Command, region: Path) -> dict[str, list[str]]:
    """Run every mode; answers mode → ids of the licences it made."""
    with elsewhere(region):
        return {
            "scan": scan_entry(command),
            "material": one_sheet(command, "material", "pollutant-permit", "2-material/permit"),
            "result": one_sheet(command, "result", "social-organisation", "3-result/registration"),
            "compose": compose(command),
            "repository": repository(command),
            "proof": proof(command, region),
        }


# Modes 1 to 3: from paper


def scan_entry(command: Command) -> list[str]:
    """Mode 1: a folder of scans comes in; each is entered beside its picture, and sealed."""
    folder = HERE / "1-scan-entry"
    _, sheets = done(command(["entry", "receive", str(folder / "scans"), "--type", "teacher-certificate"]))
    made = []
    for sheet in sheets:
        content = folder / f"{Path(sheet['scan']['name']).stem}.json"
        _, [entered] = done(command(["entry", "complete", sheet["sheet"], "--input", str(content)]))
        made.append(entered["licence_id"])
    return made


def one_sheet(command: Command, mode: str, type_name: str, name: str) -> list[str]:
    """Modes 2 and 3: one paper at the counter."""
    scan = next(path for path in sorted((HERE / name).parent.iterdir()) if path.suffix in (".png", ".pdf"))
    _, [sheet] = done(command(["entry", "receive", str(scan), "--type", type_name, "--mode", mode]))
    content = str(HERE / f"{name}.json")
    _, [entered] = done(command(["entry", "complete", sheet["sheet"], "--input", content]))
    return [entered["licence_id"]]


# Modes 4 and 5: from data


def compose(command: Command) -> list[str]:
    """Mode 4: approval data by file; the row with a wrong credit code stays behind in quarantine (exit status 1)."""
    folder = HERE / "4-compose"
    done(command(["collect", "add", str(folder / "source.json")]))
    for name, expected in (("approvals.csv", 1), ("approvals.jsonl", 0), ("approvals.xlsx", 0)):
        done(command(["collect", "run", "business-approvals", "--file", str(folder / name), "--json"]), expected)
    return numbered(command, "business-licence")


def repository(command: Command) -> list[str]:
    """Mode 5: a table, a service and a folder with its manifest; the second run finds nothing new."""
    folder = HERE / "5-repository"
    for name, source in (("table", "nurse-repository"), ("service", "society-service"), ("folder", "teacher-delivery")):
        done(command(["collect", "add", str(folder / f"{name}.json")]))
        done(command(["collect", "run", source, "--json"]))
        done(command(["collect", "run", source, "--json"]))
    return [one for kind in ("nurse-certificate", "social-organisation") for one in numbered(command, kind)]


def numbered(command: Command, type_name: str) -> list[str]:
    """Ids of every licence of a type."""
    _, found = done(command(["licence", "search", "--type", type_name, "--json"]))
    return [one["licence_id"] for line in found for one in line.get("items", [line])]


def proof(command: Command, region: Path) -> list[str]:
    """A proof document, composed from the department's database; the organisation that was penalised gets none."""
    folder = HERE / "proof"
    done(command(["types", "import", str(folder / "type.json"), "--department", "civil"]))
    done(command(["proof", "import", str(folder / "proof.json")]))
    make = ["proof", "make", "no-penalty", "--purpose", "申请承接政府购买服务", "--param"]
    _, [made] = done(command([*make, "credit_code=51990000MA00000072"]))
    done(command([*make, "credit_code=51990000MAY9RPG04C"]), 1)
    return [made["licence_id"]]


def done(answer: tuple[int, list[dict[str, Any]]], expected: int = 0) -> tuple[int, list[dict[str, Any]]]:
    status, lines = answer
    if status != expected:
        raise SystemExit(f"exit status {status}, expected {expected}: {lines}")
    return answer


# What stands elsewhere: other departments' databases, a service, a delivered folder


@contextmanager
def elsewhere(region: Path) -> Iterator[None]:
    """Set up what the connections lead to, and name it in the region's ``connections.json``."""
    with tempfile.TemporaryDirectory() as folder:
        databases = {"nurse-repository": HERE / "5-repository/nurses.sql", "penalties": HERE / "proof/penalties.sql"}
        known = {name: {"url": f"sqlite:///{database(Path(folder) / name, sql)}"} for name, sql in databases.items()}
        server = ThreadingHTTPServer(("127.0.0.1", 0), Societies)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        known["society-service"] = {"url": f"http://127.0.0.1:{server.server_address[1]}/licences"}
        (region / "connections.json").write_text(json.dumps(known, indent=2), "utf-8")
        shutil.copytree(HERE / "5-repository/delivery", region / "collect" / "teachers", dirs_exist_ok=True)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def database(place: Path, script: Path) -> Path:
    connection = sqlite3.connect(place)
    connection.executescript(script.read_text("utf-8"))
    connection.close()
    return place


class Societies(BaseHTTPRequestHandler):
    """Another city's repository, as a service."""

    def do_GET(self) -> None:
        body = (HERE / "5-repository/service-answer.json").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main() -> None:
    region = Path(sys.argv[1] if len(sys.argv) > 1 else "var")

    def command(arguments: list[str]) -> tuple[int, list[dict[str, Any]]]:
        print("$ licence-trust", *arguments, flush=True)
        program = [sys.executable, "-m", "api.cli", *arguments, "--dir", str(region)]
        ran = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=False)
        print(ran.stdout, end="", flush=True)
        return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]

    if not (region / "region.json").is_file():
        done(command(["init"]))
    made = demonstrate(command, region)
    print(json.dumps({mode: len(ids) for mode, ids in made.items()}, ensure_ascii=False))


if __name__ == "__main__":
    main()
