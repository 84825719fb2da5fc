"""``trust``: what a verifier elsewhere needs."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.common import Group, common, open_services, option, put

command = Group("trust", help="信任材料：导出供他处核验的信任包")


@command.command("export", help="导出签名的信任包（信任锚、中间证书、吊销列表）")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="写到哪个文件")
@common
def export(out: Path, directory: Path | None) -> None:
    with open_services(directory) as services:
        bundle = services.bundle()
    write_whole(out, bundle)
    put({"bundle": str(out), "size": len(bundle)})


def write_whole(path: Path, content: bytes) -> None:
    """Write a result file: whole or not at all."""
    import secrets

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
