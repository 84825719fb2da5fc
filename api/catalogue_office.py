"""目录办理: who acts in which role on the catalogue, and what both doors ask of it; nothing is decided here.

``licence_store.catalogue_steps`` has the table, ``licence_store.catalogue_life`` obeys it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from licence_store.catalogue_steps import TypeState, step_of
from licence_store.sample import draw_sample
from seal.lifecycle import Official, Role
from trust.errors import NotFound
from trust.journal import Actor

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.accounts import TokenGrant
    from licence_store.catalogue import CataloguedType
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.type_rules import MaterialMapping

CONSOLE = "console"
"""Who acts on the command line of a demonstration region when nobody is named; with the role, if not an officer's."""
SAMPLE_SIDE, SMALL_SIDE = 1400, 520
"""Pixels on the longer side of a sample, and of one in a list."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """目录查询 (R002, R010): what the types listed must be; an empty word asks nothing."""

    kind: str = ""
    holder: str = ""
    body: str = ""
    material: str = ""
    state: str = ""
    text: str = ""

    def holds(self, one: CataloguedType) -> bool:
        """Is ``one`` wanted?"""
        told, words = one.definition.classification, one.definition
        return (
            self.kind in ("", told.kind)
            and self.holder in ("", told.holder)
            and self.body in ("", told.issuing_body)
            and self.state in ("", one.state)
            and (not self.material or any(m.code == self.material for m in words.materials))
            and self.text.lower() in f"{words.code} {words.slug} {words.name} {words.name_en}".lower()
        )


# Who


def console_official(services: Services, account: str | None, step: str) -> Official:
    """办理人 on the command line: ``--as``; in a demonstration region the console in the step's first role.

    Raises ``NotFound("account.unknown")``, ``Refused("account.disabled", "account.needed")``.
    """
    actor = services.actor(account)
    if account is not None:
        return Official(actor, Role(services.accounts.get(account).role))
    role = step_of(step).roles[0]
    name = CONSOLE if role is Role.OFFICER else f"{CONSOLE}.{role}"
    return Official(Actor(name, None, None, "cli"), role)


def console_reader(services: Services, account: str | None) -> Official:
    """Who looks at drafts on the command line."""
    actor = services.actor(account)
    return Official(actor, Role.SYSTEM if account is None else Role(services.accounts.get(account).role))


def official_by_token(services: Services, grant: TokenGrant, actor: Actor, type_code: str | None = None) -> Official:
    """办理人 behind an interface token, in its account's role. Raises ``Refused("token.scope")``."""
    grant.demand("types", type_code=type_code)
    account = services.accounts.get(grant.account)
    return Official(Actor(account.name, account.department_id, actor.address, actor.channel), Role(account.role))


# Questions


def listed(services: Services, wanted: Wanted) -> list[CataloguedType]:
    """Types of the catalogue that are as ``wanted``; retired ones only when their state is asked for."""
    state = wanted.state or TypeState.PUBLISHED
    return [one for one in services.catalogue.entries() if one.state == state and wanted.holds(one)]


def satisfying(services: Services, material: str) -> list[tuple[CataloguedType, MaterialMapping]]:
    """引用到申请材料 (R004): the types whose licences satisfy a material. Raises ``NotFound("material.unknown")``."""
    found = [
        (one, mapping)
        for one in services.catalogue.entries()
        for mapping in one.definition.materials
        if mapping.code == material and one.state == TypeState.PUBLISHED
    ]
    if not found:
        raise NotFound("material.unknown", "没有证照类型可作为申请材料“{material}”。", material=material[:64])
    return found


def version_of(services: Services, name: str, version: int | None) -> CataloguedType:
    """A type in its newest or an older version. Raises ``NotFound("type.unknown")``."""
    current = services.catalogue.current(name)
    if version is None or version == current.version:
        return current
    from licence_store.catalogue import CataloguedType

    definition = services.catalogue.version(current.definition.code, version)
    return CataloguedType(definition, version, current.state)


def sample(services: Services, definition: LicenceTypeDefinition, side: int = SAMPLE_SIDE) -> bytes:
    """结果样本 (R005) of a type, PNG: made-up data, masked, 样本 across it."""
    style = definition.style
    dpi = int(side / max(style.width, style.height) * 25.4)
    address = f"{services.region_facts.base_url}/types/{definition.slug}"
    return services.kept_picture(
        f"sample:{side}:{definition.digest}", lambda: draw_sample(definition, dpi=dpi, verify_url=address)
    )


# Upward


def report(services: Services) -> bytes:
    """目录上报 (R008), signed by the region's publisher."""
    from licence_store.report_upward import build_report

    facts, signer = services.region_facts, services.desk.region.keyring.signer("publisher")
    region = (facts.code, facts.name)
    chain = [signer.certificate.der]
    return build_report(services.catalogue, services.desk.catalogue_life, region, signer.sign, chain, services.clock())
