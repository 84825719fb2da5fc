"""``ledger``: who used what a holder has; whole or not, here and offline."""

from __future__ import annotations

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
    settings_for,
    write_whole,
)
from api.commands.holders import holder_option, holder_session

if TYPE_CHECKING:
    from trust.anchors import TrustStore
    from trust.use_ledger import SignedHead

command = Group("ledger", help="用证记录：谁、何时、为何用过持证者的证照；检查、导出、离线核对")
heads_option = option(
    "--head", "heads", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="以前导出的文件，其末行的签名摘要须仍相符（可多次给出）",
)  # fmt: skip


@command.command("show", help="用证记录，新的在前，每条一行 JSON")
@holder_option
@option("--act", "acts", multiple=True, metavar="ACT", help="只看这一类，如 view、download（可多次给出）")
@option("--subject", default="", metavar="ID", help="只看这份证照、材料或副本")
@option("--others", is_flag=True, help="只看他人所为")
@option("--limit", type=click.IntRange(1, 1_000_000), default=100, metavar="N", help="最多多少条")
@acting
@common
@refusable
def show(
    holder: str,
    acts: tuple[str, ...],
    subject: str,
    others: bool,
    limit: int,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import space_office, space_shapes
    from licence_store.ledger.ledger import UseFilter

    filters = UseFilter(acts, space_office.base_of(subject), others_only=others)
    with open_services(directory) as services:
        who, cursor, left = holder_session(services, holder, account), None, limit
        while left > 0:
            page = space_office.ledger_page(services, who, filters, cursor, min(left, 200))
            for one in page.entries:
                put(space_shapes.entry(one))
            left, cursor = left - len(page.entries), page.next
            if cursor is None:
                break


@command.command("check", help="检查库中的用证记录是否完整；退出码：0 完整，1 不完整")
@holder_option
@heads_option
@acting
@common
@refusable
def check(holder: str, heads: tuple[Path, ...], account: str | None, directory: Path | None) -> int:
    from api import space_office, space_shapes

    with open_services(directory) as services:
        who = holder_session(services, holder, account)
        earlier = tuple(_believed(path, services.desk.trust()) for path in heads)
        found = space_office.ledger_check(services, who, earlier)
    put(space_shapes.check(found))
    return 0 if found.intact else 1


@command.command("export", help="导出全部用证记录：JSON 行，末行为本区域签名的条数与摘要")
@holder_option
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="写到哪里")
@acting
@common
@refusable
def export(holder: str, out: Path, account: str | None, directory: Path | None) -> None:
    from api import space_office
    from trust.use_ledger import load_export

    with open_services(directory) as services:
        data = space_office.ledger_export(services, holder_session(services, holder, account))
    write_whole(out, data)
    head = load_export(data).signed.head
    put({"file": str(out), "count": head.count, "digest": head.digest})


@command.command(
    "verify",
    help="离线核对导出的用证记录：逐条相扣、末行签名可信；退出码：0 完整，1 不完整\n给出 --trust 时不需要区域。",
)
@click.argument("file", type=click.Path(path_type=Path))
@option("--trust", "bundle", type=click.Path(path_type=Path), metavar="BUNDLE", help="用这份信任包")
@heads_option
@common
@refusable
def verify(file: Path, bundle: Path | None, heads: tuple[Path, ...], directory: Path | None) -> int:
    from api import space_shapes
    from trust.use_ledger import check_export, load_export

    store = _store(bundle, directory)
    exported = load_export(file_bytes(file))
    _believe(exported.signed, store)
    found = check_export(exported, [_believed(path, store) for path in heads])
    signed = exported.signed
    put(
        {
            **space_shapes.check(found),
            "holder": signed.holder,
            "region": signed.region,
            "as_of": signed.as_of.isoformat(),
        }
    )
    return 0 if found.intact else 1


def _store(bundle: Path | None, directory: Path | None) -> TrustStore:
    from trust.anchors import load_bundle

    if bundle is not None:
        return load_bundle(file_bytes(bundle))
    from licence_store.region import Region

    return Region.open(settings_for(directory).dir).trust_store()


def _believed(path: Path, store: TrustStore) -> SignedHead:
    """The signed head at the end of an export, believed. Raises ``Refused("ledger.not_signed")``, ``Malformed``."""
    from trust.use_ledger import load_head

    head = load_head(file_bytes(path).rstrip(b"\n").rpartition(b"\n")[2])
    _believe(head, store)
    return head


def _believe(head: SignedHead, store: TrustStore) -> None:
    from licence_store.desk import now
    from trust.errors import CheckFailed, Refused
    from trust.path import check_published

    try:
        check_published(head.document, store, head.as_of, known_at=now())
    except CheckFailed as error:
        raise Refused("ledger.not_signed", "导出文件的签名不可信：{why}", why=error.message) from error
