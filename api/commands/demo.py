"""``demo``: a region to look at: people, one issued and one verified licence, and where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Command, common, open_services, option, put, say, settings_for, tr

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.reserving import IssuedLicence

PEOPLE = (
    ("admin", "演示管理员", "admin", None),
    ("market", "演示市场监管员", "officer", "market"),
    ("education", "演示教育办事员", "officer", "education"),
    ("environment", "演示生态环境员", "officer", "environment"),
    ("civil", "演示民政办事员", "officer", "civil"),
    ("health", "演示卫生健康办事员", "officer", "health"),
    ("keeper", "演示印章管理员", "seal_keeper", None),
    ("approver", "演示印章审批人", "seal_approver", None),
    ("auditor", "演示审计员", "auditor", None),
)
SAMPLES = 3


@click.command("demo", cls=Command, help="演示：需要时新建区域，备好账号与示例，签发并核验一份证照；可接着提供服务")
@option("--serve", is_flag=True, help="备好后提供页面和接口")
@option("--host", metavar="HOST", help="监听地址（默认 127.0.0.1）")
@option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="端口（默认 8000）")
@common
def command(serve: bool, host: str | None, port: int | None, directory: Path | None) -> int:
    from api.commands.init import make_region

    settings = settings_for(directory, host=host, port=port)
    if not (settings.dir / "region.json").is_file():
        make_region(directory, None, None)
    with open_services(directory, host=host, port=port) as services:
        result = prepare(services)
    put(result)
    if result["verdict"] != "TOTAL-PASSED":
        return 1
    if serve:
        from api.commands.serve import run_server

        return run_server(directory, host, port)
    return 0


def prepare(services: Services) -> dict[str, object]:
    """Accounts, sample records, one licence of each type, one verified; the same again changes nothing."""
    services.recover()
    folder = services.settings.dir / "demo"
    folder.mkdir(exist_ok=True)
    accounts = _accounts(services, folder)
    licences = [_licence(services, definition.slug, folder) for definition in services.catalogue.list()]
    paths = [str(path) for path, _ in licences]
    content = Path(paths[0]).read_bytes()
    report = services.verify(content, services.actor(None), None)
    services.anchor_journal()
    say(tr("示例证照：{path}").format(path=paths[0]))
    say(tr("核验：licence-trust verify {path} --dir {place}").format(path=paths[0], place=services.settings.dir))
    say(tr("账号和口令：{path}").format(path=accounts))
    say(tr("用户空间：{url}（任选一位虚构的人物登录）").format(url=f"{services.settings.base_url}/space"))
    return {
        "dir": str(services.settings.dir),
        "licence": paths[0],
        "licences": [
            {"licence_id": one.licence_id, "licence_number": one.licence_number, "ofd": path}
            for path, (_, one) in zip(paths, licences, strict=True)
        ],
        "verdict": str(report.indication),
        "accounts": str(accounts),
        "records": [str(path) for path in sorted(folder.glob("*.jsonl"))],
    }


def _accounts(services: Services, folder: Path) -> Path:
    """Demonstration staff with random passwords, written down once beside the keys of the demonstration."""
    from keys.keyring import write_private
    from licence_store.accounts import new_password

    path = folder / "accounts.json"
    known = {one.name for one in services.accounts.list()}
    kept: list[dict[str, str]] = json.loads(path.read_text("utf-8")) if path.is_file() else []
    for name, title, role, department in PEOPLE:
        if name not in known:
            password = new_password()
            services.accounts.create(
                name, password, display_name=title, role=role, department=department, actor=services.actor(None)
            )
            kept = [
                *(one for one in kept if one["account"] != name),
                {"account": name, "password": password, "role": role},
            ]
    write_private(path, json.dumps(kept, ensure_ascii=False, indent=2).encode() + b"\n")
    return path


def _licence(services: Services, slug: str, folder: Path) -> tuple[Path, IssuedLicence]:
    """Sample records of one type in a file ready for ``issue``, and the first of them issued."""
    records = [
        {"record_id": f"demo-{number}", **record}
        for number, record in enumerate(services.catalogue.get(slug).example_records(SAMPLES, seed=20261122), 1)
    ]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / f"{slug}.jsonl").write_text(lines, "utf-8")
    issued = services.issue(slug, records[0], services.actor(None), None)
    path = folder / f"{slug}.ofd"
    path.write_bytes(services.register.file(services.register.find(issued.licence_id)))
    return path, issued
