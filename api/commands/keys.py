"""``keys``: the private keys of the region: requests, certificates, rotation, backup, destruction."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import (
    Group,
    acting,
    common,
    file_bytes,
    open_services,
    option,
    put,
    refusable,
    say,
    tr,
    write_whole,
)

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from trust.certificates import Certificate

command = Group("keys", help="密钥：列出、申请证书、导入证书、更换、备份、恢复、销毁")
ROLES = ("signer", "seal_maker", "timestamp", "publisher", "ocsp_responder", "server")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
reason_option = option("--reason", default="", metavar="R", help="理由")
role_option = option("--role", type=click.Choice(ROLES), default="signer", help="证书用途（默认 signer：签章人）")


@command.command("list", help="列出密钥、其证书、等待证书的请求和停用的密钥")
@as_json
@common
def list_keys(as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        keyring, lifecycle = services.desk.region.keyring, services.keys
        rows: list[dict[str, Any]] = [_row(name, keyring.certificate(name), "current") for name in keyring.names()]
        rows += [_row(one.name, one.certificate, _word(one.destroyed)) for one in lifecycle.all_retired()]
        rows += [
            {"name": name, "state": "pending", "subject": lifecycle.pending(name).subject, "serial": None,
             "not_after": None, "certificate": None}
            for name in lifecycle.all_pending()
        ]  # fmt: skip
        rows += _masters(services.desk)
    for row in rows:
        if as_json:
            put(row)
        else:
            click.echo(f"{row['name']:<32} {row['state']:<9} {row['not_after'] or '-':<20} {row['subject']}")


def _masters(desk: Desk) -> list[dict[str, Any]]:
    """The newest wraps what comes from now on; older ones open what they wrapped and is not wrapped anew yet."""
    from licence_store.rewrapping import standing

    masters = desk.region.masters
    numbers, newest = masters.numbers(), masters.newest
    return [
        {"name": f"{masters.name}.{number}",
         "state": "current" if number == newest else "opens" if number in numbers else "missing",
         "subject": tr("主密钥：打开 {count} 个密钥").format(count=opens), "opens": opens, "serial": None,
         "not_after": None, "certificate": None}
        for number, opens in standing(desk).items()
    ]  # fmt: skip


def _word(destroyed: bool) -> str:
    return "destroyed" if destroyed else "retired"


def _row(name: str, certificate: Certificate, state: str) -> dict[str, str | None]:
    from verify.report import rfc3339

    return {
        "name": name,
        "state": state,
        "subject": certificate.subject,
        "serial": f"{certificate.serial:x}",
        "not_after": rfc3339(certificate.not_after),
        "certificate": certificate.digest.hex(),
    }


@command.command("request", help="生成新密钥和证书请求（PKCS#10），交外部证书机构；现有密钥照常使用，直到证书导入")
@click.argument("name")
@option(
    "--subject",
    "parts",
    multiple=True,
    metavar="PART=VALUE",
    help="主体：C、ST、L、O、OU、CN、SERIALNUMBER，可多次给出",
)
@role_option
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="证书请求写到哪个文件（PEM）")
@as_json
@acting
@common
@refusable
def request(
    name: str,
    parts: tuple[str, ...],
    role: str,
    out: Path,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from licence_store.authorities import PROFILES, subject_words
    from trust.profiles import Role

    pairs = tuple(_pair(part) for part in parts)
    with open_services(directory) as services:
        fields = pairs or services.desk.region.keyring.certificate(name).subject_fields
        actor = services.administrator(account)
        made = services.keys.begin(name, subject_words(fields), PROFILES[Role(role)][1], actor)
    write_whole(out, made.to_pem())
    put({"name": name, "request": str(out), "subject": made.subject, "digest": made.digest.hex()})


@command.command("import", help="导入证书机构发来的证书（链），启用等待中的密钥；旧密钥停用")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@role_option
@as_json
@acting
@common
@refusable
def import_chain(name: str, file: Path, role: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from trust.profiles import Role

    with open_services(directory) as services:
        signer = services.keys.complete(name, file_bytes(file), Role(role), services.administrator(account))
    put(_row(name, signer.certificate, "current"))


@command.command("abandon", help="放弃等待证书的密钥")
@click.argument("name")
@reason_option
@as_json
@acting
@common
@refusable
def abandon(name: str, reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.keys.abandon(name, services.administrator(account), reason)
    put({"name": name, "abandoned": True})


@command.command("rotate", help="更换密钥：由内置证书机构为新密钥签发同一主体的证书；旧密钥停用。印章随后须变更证书")
@click.argument("name")
@reason_option
@as_json
@acting
@common
@refusable
def rotate(name: str, reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        signer = services.rotate_key(name, services.administrator(account), reason)
    say(tr("使用该密钥的印章须办理“变更证书”后才能继续使用。"))
    put(_row(name, signer.certificate, "current"))


@command.command("renew-master", help="更换主密钥：此后由新的主密钥保护；后台任务随即把已有文件的密钥改由它包裹")
@reason_option
@as_json
@acting
@common
@refusable
def renew_master(reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from licence_store.rewrapping import renew

    with open_services(directory) as services:
        number, job_id = renew(services.desk, services.administrator(account), reason)
        made = {"name": f"{services.desk.region.masters.name}.{number}", "state": "current", "job": job_id}
    say(
        tr(
            "请随即备份密钥。任务 {job} 将重新包裹已有文件的密钥；完成后可用 keys destroy-master 销毁旧的主密钥。"
        ).format(job=job_id)
    )
    put(made)


@command.command("destroy-master", help="销毁旧的主密钥：须已无文件要用它，且更换已满一小时；留下记录。须说明理由")
@click.argument("name")
@reason_option
@as_json
@acting
@common
@refusable
def destroy_master(name: str, reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from licence_store.rewrapping import destroy

    with open_services(directory) as services:
        actor = services.administrator(account)
        destroy(services.desk, _master_number(name), actor, reason)
    put({"name": name, "destroyed": True})


@command.command("backup", help="备份密钥到一个加密文件；口令从标准输入读一行，或由系统生成并显示一次")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="写到哪个文件")
@option("--name", "names", multiple=True, metavar="NAME", help="只备份这些密钥（可多次给出；默认：全部）")
@option("--passphrase-stdin", is_flag=True, help="从标准输入读口令")
@as_json
@acting
@common
@refusable
def backup(
    out: Path,
    names: tuple[str, ...],
    passphrase_stdin: bool,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from keys.backup import back_up
    from keys.keyring import write_private
    from licence_store.accounts import new_password

    with open_services(directory) as services:
        actor, keyring = services.administrator(account), services.desk.region.keyring
        passphrase = _passphrase() if passphrase_stdin else new_password()
        chosen = names or keyring.names()
        masters = None if names else services.desk.region.masters
        sealed = back_up(keyring, passphrase.encode(), services.clock(), names=chosen, masters=masters)
        write_private(out, sealed)
        services.journal.record(
            actor=actor, action="key.backup", subject="keys", details={"names": " ".join(chosen)[:1000]}
        )
    made = {} if passphrase_stdin else {"passphrase": passphrase}
    if made:
        say(tr("已生成口令，只显示这一次。"))
    put({"backup": str(out), "names": list(chosen), **made})


@command.command("restore", help="从备份恢复密钥；已有同名密钥则一把也不恢复。口令从标准输入读一行")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@acting
@common
@refusable
def restore_backup(file: Path, as_json: bool, account: str | None, directory: Path | None) -> None:
    from keys.backup import restore

    with open_services(directory) as services:
        actor = services.administrator(account)
        region = services.desk.region
        names = restore(file_bytes(file), _passphrase().encode(), region.keyring, region.masters)
        services.journal.record(
            actor=actor, action="key.restore", subject="keys", details={"names": " ".join(names)[:1000]}
        )
    put({"names": list(names)})


@command.command("destroy", help="销毁密钥：覆写并删除，留下记录；证书保留。须说明理由")
@click.argument("name")
@option("--serial", default=None, metavar="HEX", help="哪一张证书的密钥（默认：现用的）")
@reason_option
@as_json
@acting
@common
@refusable
def destroy(
    name: str, serial: str | None, reason: str, as_json: bool, account: str | None, directory: Path | None
) -> None:
    with open_services(directory) as services:
        number = _serial(serial) if serial else services.desk.region.keyring.certificate(name).serial
        record = services.keys.destroy(name, number, services.administrator(account), reason)
    put({"name": name, "serial": f"{number:x}", "destroyed": True, "record": str(record)})


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value.strip():
        raise click.BadParameter(tr("应为 项目=值，如 CN=某某厅"), param_hint="--subject")
    return name.strip().upper(), value.strip()


def _master_number(name: str) -> int:
    """``uploads.7``, as ``list`` names it."""
    from keys.master import UPLOADS

    number = name.rpartition(".")[2]
    if not (name.startswith(f"{UPLOADS}.") and number.isascii() and number.isdigit() and len(number) <= 10):
        raise click.BadParameter(tr("应为 keys list 列出的主密钥名称"), param_hint="NAME")
    return int(number)


def _serial(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise click.BadParameter(tr("应为十六进制数"), param_hint="--serial") from None


def _passphrase() -> str:
    return sys.stdin.readline().rstrip("\r\n")
