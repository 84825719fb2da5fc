"""``trust``: whom the region believes, what its authorities issue and revoke, what a verifier elsewhere needs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import (
    Group,
    acting,
    common,
    file_bytes,
    moment_of,
    open_services,
    option,
    put,
    refusable,
    tr,
    write_whole,
)

if TYPE_CHECKING:
    from trust.anchor_changes import ListedAnchor

command = Group("trust", help="信任材料：信任锚、证书签发与废止、废止列表、信任包")
PURPOSES = ("seal_maker", "signer", "timestamp", "bundle")
ROLES = ("signer", "seal_maker", "timestamp", "publisher", "ocsp_responder", "server", "encryption")
CAUSES = (
    "unspecified", "key_compromise", "affiliation_changed", "superseded", "cessation_of_operation",
    "privilege_withdrawn",
)  # fmt: skip
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
reason_option = option("--reason", default="", metavar="R", help="理由")


@command.command("export", help="导出签名的信任包（信任锚、中间证书、吊销列表）")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="写到哪个文件")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@common
def export(out: Path, as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        bundle = services.offline_bundle()
    write_whole(out, bundle)
    put({"bundle": str(out), "size": len(bundle)})


@command.command("anchors", help="列出信任锚：用途、信任期、状态")
@as_json
@common
def anchors(as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        listed = services.anchors.list()
    for one in listed:
        row = _row(one)
        if as_json:
            put(row)
        else:
            click.echo(f"{row['state']:<8} {row['valid_to']}  {row['name']}\n  {row['certificate']}")


def _row(one: ListedAnchor) -> dict[str, object]:
    from verify.report import rfc3339

    certificate = one.anchor.certificate
    return {
        "name": certificate.common_name,
        "purposes": sorted(one.anchor.purposes),
        "state": str(one.state),
        "valid_from": rfc3339(one.begins_at),
        "valid_to": rfc3339(one.ends_at),
        "certificate": certificate.digest.hex(),
        "serial": f"{certificate.serial:x}",
    }


@command.command("import", help="导入信任锚（证书和用途）、中间证书或他处的废止列表")
@click.argument("file", type=click.Path(path_type=Path))
@option("--purpose", "purposes", multiple=True, type=click.Choice(PURPOSES), help="信任锚的用途（可多次给出）")
@option("--intermediate", is_flag=True, help="作为中间证书导入")
@option("--crl", is_flag=True, help="作为废止列表导入")
@option("--from", "begin", default=None, metavar="T", help="信任期起（默认按证书）")
@option("--to", "end", default=None, metavar="T", help="信任期止（默认按证书）")
@reason_option
@as_json
@acting
@common
@refusable
def import_file(
    file: Path,
    purposes: tuple[str, ...],
    intermediate: bool,
    crl: bool,
    begin: str | None,
    end: str | None,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from trust.anchors import Purpose
    from trust.certificates import load_certificate

    if bool(purposes) + intermediate + crl != 1:
        raise click.UsageError(tr("应给出 --purpose、--intermediate 或 --crl 之一"))
    content = file_bytes(file)
    with open_services(directory) as services:
        actor = services.administrator(account)
        if crl:
            found = services.anchors.add_crl(content, actor, reason=reason)
            put({"crl": found.digest.hex(), "revoked": len(found.revoked)})
        elif intermediate:
            added = services.anchors.add_intermediates(content, actor, reason=reason)
            put({"intermediates": [one.digest.hex() for one in added]})
        else:
            certificate = load_certificate(content)
            chosen = [Purpose(one) for one in purposes]
            services.anchors.add(certificate, chosen, actor, begin=moment_of(begin), end=moment_of(end), reason=reason)
            put({"certificate": certificate.digest.hex(), "name": certificate.common_name, "purposes": list(purposes)})


@command.command("remove", help="移出信任锚：立即生效；时间可证明在此之前的文件仍照旧判定")
@click.argument("digest", metavar="SM3")
@option("--since", default=None, metavar="T", help="自何时起不可信（默认现在）")
@option("--forget", is_flag=True, help="连同过去一并抹除（如时间戳密钥失窃）")
@reason_option
@as_json
@acting
@common
@refusable
def remove(
    digest: str,
    since: str | None,
    forget: bool,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from licence_store.anchors import parse_digest

    with open_services(directory) as services:
        actor = services.administrator(account)
        services.anchors.remove(parse_digest(digest), actor, since=moment_of(since), forget=forget, reason=reason)
    put({"certificate": digest, "removed": True})


@command.command("roll-over", help="信任锚换代：新锚自某时起受信，旧锚到某时止，其间两者并用")
@click.argument("old", metavar="SM3")
@click.argument("file", type=click.Path(path_type=Path))
@option("--begins", required=True, metavar="T", help="新锚何时起受信（RFC 3339）")
@option("--ends", required=True, metavar="T", help="旧锚何时止（RFC 3339）")
@reason_option
@as_json
@acting
@common
@refusable
def roll_over(
    old: str,
    file: Path,
    begins: str,
    ends: str,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api.moments import parse_moment
    from licence_store.anchors import parse_digest
    from trust.certificates import load_certificate

    successor = load_certificate(file_bytes(file))
    with open_services(directory) as services:
        services.anchors.roll_over(
            parse_digest(old),
            successor,
            services.administrator(account),
            begins_at=parse_moment(begins),
            ends_at=parse_moment(ends),
            reason=reason,
        )
    put({"old": old, "certificate": successor.digest.hex(), "name": successor.common_name})


# What our own authorities do


@command.command("certify", help="内置证书机构受理证书请求（PKCS#10），按用途签发证书")
@click.argument("file", type=click.Path(path_type=Path))
@option("--role", type=click.Choice(ROLES), default="signer", help="证书用途（默认 signer：签章人）")
@option("--days", type=click.IntRange(1, 3650), default=730, help="有效天数（默认 730）")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="证书写到哪个文件（PEM）")
@reason_option
@as_json
@acting
@common
@refusable
def certify(
    file: Path,
    role: str,
    days: int,
    out: Path,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from trust.profiles import Role
    from verify.report import rfc3339

    content, valid = file_bytes(file), timedelta(days=days)
    with open_services(directory) as services:
        actor = services.administrator(account)
        made = services.authorities.certify(content, Role(role), actor, valid=valid, reason=reason)
    write_whole(out, made.to_pem())
    put({"serial": f"{made.serial:x}", "subject": made.subject, "not_after": rfc3339(made.not_after), "out": str(out)})


@command.command("revoke", help="废止内置证书机构签发的证书：废止列表和在线状态随即更新")
@click.argument("serial", metavar="HEX")
@option("--cause", type=click.Choice(CAUSES), default="unspecified", help="废止原因（默认 unspecified）")
@option("--since", default=None, metavar="T", help="密钥自何时起不安全（如知道）")
@reason_option
@as_json
@acting
@common
@refusable
def revoke(
    serial: str,
    cause: str,
    since: str | None,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    try:
        number = int(serial, 16)
    except ValueError:
        raise click.BadParameter(tr("应为十六进制数"), param_hint="HEX") from None
    with open_services(directory) as services:
        actor = services.administrator(account)
        found = services.authorities.revoke(number, cause, actor, since=moment_of(since), reason=reason)
    put({"serial": f"{number:x}", "subject": found.subject, "revoked": True})


@command.command("crl", help="取内置证书机构的废止列表（DER）；不指明机构则列出各机构")
@click.argument("name", required=False)
@option("--out", type=click.Path(path_type=Path), metavar="FILE", help="写到哪个文件")
@as_json
@common
def crl(name: str | None, out: Path | None, as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        names = [name] if name else list(services.authorities.names())
        lists = {one: services.authorities.crl(one) for one in names}
    if out and name:
        write_whole(out, lists[name])
    for one, content in lists.items():
        put({"authority": one, **_list_facts(content)})


def _list_facts(content: bytes) -> dict[str, object]:
    from trust.crl import load_crl
    from verify.report import rfc3339

    found = load_crl(content)
    return {
        "number": found.number,
        "this_update": rfc3339(found.this_update),
        "next_update": rfc3339(found.next_update) if found.next_update else None,
        "revoked": [f"{serial:x}" for serial in found.revoked],
    }
