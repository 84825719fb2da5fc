"""``delegation``: who may use what of a holder's: ask, give, change, take back, look."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import Group, option, put, refusable
from api.commands.holders import holder_option as holder_code
from api.commands.holders import in_space

if TYPE_CHECKING:
    from api.delegation_office import Wanted
    from api.wiring import Services
    from licence_store.holding.delegation import DelegationView
    from licence_store.holding.holder import HolderSession

RIGHTS = ("view", "use", "upload", "report_loss", "delegate")
command = Group("delegation", help="授权：申请、授予、变更、收回、查看（至多三层）")
as_json = option("--json", "as_json", is_flag=True, help="每项一行 JSON（总是如此）")


def scope(function: Callable[..., Any]) -> Callable[..., Any]:
    """The terms of a delegation."""
    for one in (
        option("--from", "since", default="", metavar="DATE", help="自哪天起（默认现在；变更时默认不变）"),
        option("--until", required=True, metavar="DATE", help="至哪天止（含），或 RFC 3339 时刻"),
        option("--item", "items", multiple=True, metavar="CODE", help="服务事项（可多次；默认不限）"),
        option("--type", "types", multiple=True, metavar="CODE", help="证照类型（可多次；默认不限）"),
        option("--right", "rights", multiple=True, required=True, type=click.Choice(RIGHTS), help="授权事项（可多次）"),
    ):
        function = one(function)
    return function


def holder_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--holder CODE``, and the name of somebody who holds nothing yet."""
    named = option("--holder-name", default="", metavar="NAME", help="其姓名（名下尚无证照时）")
    return holder_code(named(function))


def because(function: Callable[..., Any]) -> Callable[..., Any]:
    return option("--reason", default="", metavar="TEXT", help="说明")(function)


def _wanted(given: dict[str, Any]) -> Wanted:
    from api.delegation_office import Wanted

    return Wanted(given["rights"], given["until"], given["since"], given["types"], given["items"])


def _said(services: Services, view: DelegationView) -> None:
    from api.delegation_office import view_json

    put(view_json(view, services.clock()))


@command.command("list", help="一位持证者给出和得到的授权，新的在前")
@holder_option
@as_json
@in_space
def list_delegations(services: Services, who: HolderSession) -> None:
    for one in (*services.desk.delegations.given(who), *services.desk.delegations.received(who.person)):
        _said(services, one)


@command.command("show", help="一项授权和它的经过")
@click.argument("delegation_id", metavar="ID")
@holder_option
@as_json
@refusable
@in_space
def show(services: Services, who: HolderSession, delegation_id: str) -> None:
    from api.delegation_office import step_json, view_json

    view = services.desk.delegations.get(who, delegation_id)
    steps = [step_json(one) for one in services.desk.delegations.steps(who, delegation_id)]
    put({**view_json(view, services.clock()), "steps": steps})


@command.command("grant", help="授权给一个人")
@holder_option
@option("--to", required=True, metavar="CODE", help="被授权人的公民身份号码")
@option("--to-name", required=True, metavar="NAME", help="被授权人的姓名，须与其登录身份一致")
@scope
@because
@as_json
@refusable
@in_space
def grant(services: Services, who: HolderSession, to: str, to_name: str, reason: str, **given: Any) -> None:
    from api.delegation_office import person_of, terms_of

    terms = terms_of(services, _wanted(given))
    _said(services, services.desk.delegations.grant(who, person_of(to, to_name), terms, reason=reason))


@command.command("request", help="向一家单位或一个人申请授权")
@holder_option
@option("--of", "company", required=True, metavar="CODE", help="向谁申请：统一社会信用代码或公民身份号码")
@option("--of-name", required=True, metavar="NAME", help="其名称或姓名")
@scope
@because
@as_json
@refusable
@in_space
def request(services: Services, who: HolderSession, company: str, of_name: str, reason: str, **given: Any) -> None:
    from api.delegation_office import person_of, terms_of

    terms = terms_of(services, _wanted(given))
    _said(services, services.desk.delegations.request(who, person_of(company, of_name), terms, reason=reason))


@command.command("accept", help="同意一件申请，按所申请的范围")
@click.argument("delegation_id", metavar="ID")
@holder_option
@because
@as_json
@refusable
@in_space
def accept(services: Services, who: HolderSession, delegation_id: str, reason: str) -> None:
    _said(services, services.desk.delegations.accept(who, delegation_id, reason=reason))


@command.command("refuse", help="拒绝一件申请")
@click.argument("delegation_id", metavar="ID")
@holder_option
@because
@as_json
@refusable
@in_space
def refuse(services: Services, who: HolderSession, delegation_id: str, reason: str) -> None:
    _said(services, services.desk.delegations.refuse(who, delegation_id, reason))


@command.command("change", help="变更授权；下级授权随之缩小或收回")
@click.argument("delegation_id", metavar="ID")
@holder_option
@scope
@because
@as_json
@refusable
@in_space
def change(services: Services, who: HolderSession, delegation_id: str, reason: str, **given: Any) -> None:
    from api.delegation_office import changed_terms

    before = services.desk.delegations.get(who, delegation_id).terms
    terms = changed_terms(services, before, _wanted(given))
    _said(services, services.desk.delegations.change(who, delegation_id, terms, reason=reason))


@command.command("cancel", help="收回授权，连同其下各级；被授权人可交回，申请人可撤回申请")
@click.argument("delegation_id", metavar="ID")
@holder_option
@because
@as_json
@refusable
@in_space
def cancel(services: Services, who: HolderSession, delegation_id: str, reason: str) -> None:
    _said(services, services.desk.delegations.cancel(who, delegation_id, reason))
