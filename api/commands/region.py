"""``region``: the trust list, its keepers, the peers, and what flows upward."""

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
    open_services,
    option,
    put,
    refusable,
    say,
    tr,
    write_whole,
)

if TYPE_CHECKING:
    from trust.certificates import Certificate
    from trust.trust_list import Entitlement, RegionEntry, TrustList

command = Group("region", help="地区：信任列表（k/n 会签）、对端地区、上报汇聚")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
out_option = option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="写到哪个文件")
valid_option = option("--valid", "days", type=click.IntRange(1, 366), default=30, help="列表有效天数（默认 30）")
regions_option = option(
    "--region", "entries", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="入列申请（可多次给出）"
)
keepers_option = option(
    "--keeper",
    "keepers",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="CERT",
    help="管理人证书（可多次给出）",
)


# The keepers and what they are asked


@command.command("keeper", help="制作列表管理人的密钥，写出其证书（私钥留在本地区的密钥环）")
@click.argument("name")
@out_option
@as_json
@acting
@common
@refusable
def keeper(name: str, out: Path, as_json: bool, account: str | None, directory: Path | None) -> None:

    with open_services(directory) as services:
        signer = services.regions.own.make_keeper(name, services.administrator(account))
    write_whole(out, signer.certificate.to_pem())
    put({"key": signer.name, "keeper": signer.certificate.digest.hex(), "out": str(out)})


@command.command("entry", help="写出本地区的入列申请：信任锚、地址、请求签名公钥、所请权限（已签名）")
@option("--upper", default="", metavar="CODE", help="上级地区（上报汇聚）")
@option("--type", "types", multiple=True, metavar="CODE", help="请求有权签发的类型（默认全部）")
@out_option
@as_json
@acting
@common
@refusable
def entry(
    upper: str, types: tuple[str, ...], out: Path, as_json: bool, account: str | None, directory: Path | None
) -> None:

    with open_services(directory) as services:
        actor = services.administrator(account)
        codes = [services.catalogue.get(one).code for one in types]
        found = services.regions.own.entry(actor, upper=_code(upper), types=codes)
        data = services.regions.own.application(found, services.clock())
    write_whole(out, data)
    put({"region": found.code, "name": found.name, "anchors": len(found.anchors), "out": str(out)})


@command.command("init-list", help="起草第一份信任列表（未签名），随后由管理人会签、枢纽发布")
@option("--name", required=True, metavar="NAME", help="联盟名称")
@option("--threshold", type=click.IntRange(1, 32), required=True, help="需要几名管理人会签（k）")
@keepers_option
@regions_option
@valid_option
@out_option
@as_json
@common
@refusable
def init_list(
    name: str,
    threshold: int,
    keepers: tuple[Path, ...],
    entries: tuple[Path, ...],
    days: int,
    out: Path,
    as_json: bool,
    directory: Path | None,
) -> None:
    from licence_store.desk import now
    from licence_store.regions.drafting import first_list
    from trust.trust_list import Keeper

    named = [Keeper(one.common_name, one) for one in _certificates(keepers)]
    _write_draft(out, first_list(name, named, threshold, _entries(entries), now(), timedelta(days=days)))


@command.command("propose", help="在现用列表之上起草下一号列表（未签名）")
@regions_option
@option("--overlap", type=click.IntRange(0, 3650), default=30, help="换钥的重叠天数：旧的照旧受信到何时（默认 30）")
@option("--leave", "left", multiple=True, metavar="CODE", help="该地区退出：此后所签不再受信（可多次给出）")
@option(
    "--entitle", "rights", multiple=True, metavar="CODE=DIVISION:TYPES", help="授权：如 110000=110000:*（可多次给出）"
)
@keepers_option
@option("--drop-keeper", "dropped", multiple=True, metavar="SM3", help="撤下的管理人（可多次给出）")
@option("--threshold", type=click.IntRange(1, 32), default=None, help="需要几名管理人会签（k）")
@valid_option
@out_option
@as_json
@common
@refusable
def propose(
    entries: tuple[Path, ...],
    overlap: int,
    left: tuple[str, ...],
    rights: tuple[str, ...],
    keepers: tuple[Path, ...],
    dropped: tuple[str, ...],
    threshold: int | None,
    days: int,
    out: Path,
    as_json: bool,
    directory: Path | None,
) -> None:
    from licence_store.regions import drafting

    with open_services(directory) as services:
        believed, now = _believed(services.desk.peers.believed()), services.clock()
    draft = drafting.next_list(believed, now, timedelta(days=days))
    for one in _entries(entries):
        draft = drafting.with_region(draft, one, (now + timedelta(days=overlap)).replace(microsecond=0))
    for code in left:
        draft = drafting.leaving(draft, _code(code), now)
    for code, given in _rights(rights).items():
        draft = drafting.entitle(draft, code, given)
    draft = drafting.with_keepers(draft, _certificates(keepers), dropped, threshold)
    _write_draft(out, draft)


@command.command("sign", help="以本地区保管的管理人密钥会签列表草案")
@click.argument("draft", type=click.Path(path_type=Path))
@option("--key", "key_name", required=True, metavar="NAME", help="密钥名称，如 keeper-1")
@option("--out", type=click.Path(path_type=Path), default=None, metavar="FILE", help="写到哪个文件（默认改写草案）")
@as_json
@acting
@common
@refusable
def sign(
    draft: Path, key_name: str, out: Path | None, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from trust.errors import Refused
    from trust.trust_list_reading import load_trust_list

    found = load_trust_list(file_bytes(draft))
    with open_services(directory) as services:
        actor = services.administrator(account)
        signer = services.desk.region.keyring.signer(key_name)
        if signer.certificate.digest.hex() not in {one.id for one in found.keepers}:
            believed = services.desk.peers.believed()
            if believed is None or signer.certificate.digest.hex() not in {one.id for one in believed.keepers}:
                raise Refused("trust_list.not_keeper", "密钥“{name}”不是该列表的管理人密钥。", name=key_name)
        signed = found.signed(signer.certificate, signer.sign)
        details = {"number": str(found.number), "digest": found.digest}
        services.journal.record(actor=actor, action="trust_list.sign", subject=found.name, details=details)
    write_whole(out or draft, signed.data)
    count = len(signed.signatures)
    put({"number": found.number, "digest": found.digest, "signatures": count, "threshold": found.threshold})


@command.command("publish", help="枢纽发布会签完毕的列表（可给出多份各自签名的同一草案）")
@click.argument("drafts", nargs=-1, required=True, type=click.Path(path_type=Path))
@as_json
@acting
@common
@refusable
def publish(drafts: tuple[Path, ...], as_json: bool, account: str | None, directory: Path | None) -> None:
    from api.region_office import list_facts
    from trust.errors import Refused
    from trust.trust_list_reading import load_trust_list

    first, *others = [load_trust_list(file_bytes(one)) for one in drafts]
    if any(one.digest != first.digest for one in others):
        raise Refused("trust_list.drafts_differ", "所给的草案内容不同，不能合并签名。")
    merged = first.with_signatures([mark for one in others for mark in one.signatures])
    with open_services(directory) as services:
        services.regions.demand_hub()
        actor = services.administrator(account)
        accepted = services.desk.trust_lists.accept(merged.data, actor, source="published", pin=merged.digest)
        put(list_facts(accepted, services.clock()))


# A node and its list


@command.command("join", help="首次采信信任列表：摘要须从别处核对（纸面、电话、当面）")
@option("--hub", default="", metavar="URL", help="枢纽节点地址")
@option("--file", "file", type=click.Path(path_type=Path), default=None, metavar="FILE", help="列表文件")
@option("--pin", required=True, metavar="SM3", help="核对过的第一份列表的摘要")
@as_json
@acting
@common
@refusable
def join(hub: str, file: Path | None, pin: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api.region_office import list_facts

    if bool(hub) == (file is not None):
        raise click.UsageError(tr("应给出 --hub 或 --file 之一"))
    with open_services(directory) as services:
        actor = services.administrator(account)
        if file is not None:
            found = services.desk.trust_lists.accept(file_bytes(file), actor, source="file", pin=pin)
            services.desk.publications.refresh(force=True)
        else:
            found = services.regions.join(hub, pin, actor)
        put(list_facts(found, services.clock()))


@command.command("fetch", help="取最新的信任列表和对端地区公布的材料（或从文件取列表）")
@option("--hub", default="", metavar="URL", help="枢纽节点地址（默认按设置）")
@option("--file", "file", type=click.Path(path_type=Path), default=None, metavar="FILE", help="列表文件")
@as_json
@acting
@common
@refusable
def fetch(hub: str, file: Path | None, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api.region_office import list_facts

    with open_services(directory) as services:
        actor = services.administrator(account)
        if file is not None:
            found = services.desk.trust_lists.accept(file_bytes(file), actor, source="file")
        else:
            found = services.regions.fetch(hub, actor)
        put(list_facts(found, services.clock()))


@command.command("show", help="现用的信任列表：编号、期限、管理人、地区（--out 写出原文）")
@option("--number", type=click.IntRange(1), default=None, help="先前的第几号列表")
@option("--out", type=click.Path(path_type=Path), default=None, metavar="FILE", help="写到哪个文件")
@as_json
@common
@refusable
def show(number: int | None, out: Path | None, as_json: bool, directory: Path | None) -> None:
    from api.region_office import list_facts
    from trust.trust_list_reading import load_trust_list

    with open_services(directory) as services:
        lists = services.desk.trust_lists
        data = lists.by_number(number) if number is not None else lists.newest()
        facts = list_facts(load_trust_list(data), services.clock())
    if out is not None:
        write_whole(out, data)
    put(facts)


@command.command("peers", help="对端地区及其公布的材料：何时取得、是否可达")
@as_json
@common
def peers(as_json: bool, directory: Path | None) -> None:
    from api.region_office import peer_rows

    with open_services(directory) as services:
        for row in peer_rows(services.regions):
            put(row)


@command.command("refused", help="拒绝过的信任列表：回退、分叉、伪造的证据")
@option("--out", type=click.Path(path_type=Path), default=None, metavar="FILE", help="最近一份写到哪个文件")
@as_json
@common
def refused(out: Path | None, as_json: bool, directory: Path | None) -> None:
    from verify.report import rfc3339

    with open_services(directory) as services:
        found = services.desk.trust_lists.refusals()
        if out is not None and found:
            write_whole(out, services.desk.trust_lists.refused_list(found[0].digest))
    for one in found:
        put(
            {
                "number": one.number or None,
                "digest": one.digest,
                "code": one.code,
                "source": one.source,
                "refused": rfc3339(one.refused),
            }
        )


# Upward (R018)


@command.command("report", help="向上级地区上报本地区证照及其状态")
@as_json
@common
@refusable
def report(as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        upper, told = services.regions.upward.upper(), services.regions.upward.send()
    if not upper:
        say(tr("按信任列表，本地区没有上级地区。"))
    put({"upper": upper or None, "licences": told})


@command.command("below", help="查下级地区上报的证照")
@option("--holder", default="", metavar="CODE", help="持证者代码")
@option("--licence", default="", metavar="ID", help="电子证照标识")
@option("--of", "region", default="", metavar="CODE", help="地区")
@option("--purpose", required=True, metavar="P", help="事由，记入日志")
@as_json
@acting
@common
@refusable
def below(
    holder: str, licence: str, region: str, purpose: str, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api.region_shapes import upward_row

    with open_services(directory) as services:
        actor = services.actor(account)
        found = services.regions.find_below(actor, purpose, holder_code=holder, licence_id=licence, region=region)
    for one in found:
        put(upward_row(one))


# Reading what is given


def _believed(found: TrustList | None) -> TrustList:
    from trust.errors import Refused

    if found is None:
        raise Refused("trust_list.none", "本节点尚未加入任何信任列表。", remedy="请先用 region join 加入。")
    return found


def _write_draft(out: Path, draft: TrustList) -> None:
    """Read back as anybody will, so that no keeper signs what nobody takes."""
    from trust.trust_list_reading import load_trust_list

    load_trust_list(draft.data)
    write_whole(out, draft.data)
    put({"number": draft.number, "digest": draft.digest, "regions": len(draft.regions), "out": str(out)})


def _certificates(paths: tuple[Path, ...]) -> list[Certificate]:
    from trust.certificates import load_certificate

    return [load_certificate(file_bytes(one)) for one in paths]


def _entries(paths: tuple[Path, ...]) -> list[RegionEntry]:
    from licence_store.regions.own import read_application

    return [read_application(file_bytes(one)) for one in paths]


def _code(code: str) -> str:
    if code and not (len(code) == 6 and code.isascii() and code.isdigit()):
        raise click.BadParameter(tr("地区代码应为6位数字"), param_hint="CODE")
    return code


def _rights(given: tuple[str, ...]) -> dict[str, list[Entitlement]]:
    from trust.trust_list import Entitlement

    found: dict[str, list[Entitlement]] = {}
    for one in given:
        code, equals, rest = one.partition("=")
        division, colon, types = rest.partition(":")
        if not (equals and colon and types):
            raise click.BadParameter(tr("应如 110000=110000:*"), param_hint="--entitle")
        named = frozenset(part.strip() for part in types.split(","))
        found.setdefault(_code(code), []).append(Entitlement(_code(division), named))
    return found
