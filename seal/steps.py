"""步骤表: who may take which step, from which state to which. The mechanism alone: it knows no subject. Pure.

    table = StepTable((Step("freeze", N_("冻结印章"), to(FROZEN, ACTIVE), (SEAL_KEEPER,)), …), Refusals(…))
    table.take("freeze", State.ACTIVE, Role.SEAL_KEEPER)     # State.FROZEN
    table.take("freeze", State.ACTIVE, Role.OFFICER)         # Refused("seal.role")

Seals (``seal.lifecycle``), licences (``licence_store.lifecycle``) and the catalogue
(``licence_store.catalogue_steps``) have one such table each; a document prints it, and tests try every
role × step × state against what is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from seal.roles import Role
from trust.errors import NotFound, Refused, Word, Words


class Labelled(Protocol):
    """A state or a rule: a word of its own for machines, and one for people."""

    @property
    def label(self) -> str: ...


StateT = TypeVar("StateT", bound=Labelled)
AfterT = TypeVar("AfterT", bound=Labelled | None)
RuleT = TypeVar("RuleT", bound=Labelled)


@dataclass(frozen=True)
class Step(Generic[StateT, AfterT, RuleT]):
    """One line of a table."""

    name: str
    title: str
    """Never the name of a state: an act must not read like one, in either language."""
    moves: Mapping[StateT, AfterT]
    """From which state to which; the same twice: the state stays; ``None``: back to what lies beneath."""
    roles: tuple[Role, ...]
    rules: tuple[RuleT, ...] = ()
    """What else must hold; the act checks each and names it when it does not."""


def to(after: AfterT, *before: StateT) -> Mapping[StateT, AfterT]:
    """From each of these to that one."""
    return MappingProxyType(dict.fromkeys(before, after))


def stay(*states: StateT) -> Mapping[StateT, StateT]:
    """Possible in each of these, and changing none."""
    return MappingProxyType({state: state for state in states})


class Saying(NamedTuple):
    """A refusal in its subject's own words."""

    code: str
    sentence: str


class Refusals(NamedTuple):
    """How a subject refuses."""

    unknown: Saying
    """No such ``{step}``."""
    role: Saying
    """``{step}`` is for ``{expected}``, not for ``{got}``."""
    state: Saying
    """``{step}`` is not possible from ``{got}``: it must be ``{expected}``."""


class StepTable(Generic[StateT, AfterT, RuleT]):
    """The steps of one subject, by name."""

    def __init__(
        self,
        rows: Iterable[Step[StateT, AfterT, RuleT]],
        refusals: Refusals,
        role_names: Mapping[Role, str] = MappingProxyType({}),
    ) -> None:
        """``role_names``: what this subject calls a role, where that is not the role's own name."""
        self.steps: Final = MappingProxyType({row.name: row for row in rows})
        self._refusals = refusals
        self._role_names = role_names

    def step_of(self, name: str) -> Step[StateT, AfterT, RuleT]:
        """The step of this name; raises ``NotFound``."""
        try:
            return self.steps[name]
        except KeyError:
            raise NotFound(*self._refusals.unknown, step=name[:40]) from None

    def is_allowed(self, name: str, state: StateT, role: Role) -> bool:
        """Would ``take`` allow it?"""
        step = self.steps[name]
        return role in step.roles and state in step.moves

    def check_role(self, name: str, role: Role) -> None:
        """Is the step this role's? Raises ``Refused``, ``NotFound``."""
        step = self.step_of(name)
        if role not in step.roles:
            raise Refused(
                *self._refusals.role,
                step=Word(step.title),
                expected=Words(map(self._role_name, step.roles)),
                got=Word(self._role_name(role)),
            )

    def take(self, name: str, state: StateT, role: Role) -> AfterT:
        """The state after the step. Raises ``Refused`` that says whose step it is, or from where; ``NotFound``."""
        self.check_role(name, role)
        step = self.steps[name]
        if state not in step.moves:
            raise Refused(
                *self._refusals.state,
                remedy="请先办理前面的步骤，或刷新后重试。",
                step=Word(step.title),
                got=Word(state.label),
                expected=Words(one.label for one in step.moves),
            )
        return step.moves[state]

    def _role_name(self, role: Role) -> str:
        return self._role_names.get(role, role.label)

    def markdown(self) -> str:
        """The table as a document prints it: ``=``: the state stays; ``↩``: back to what lies beneath."""
        rows = [
            (step.title, f"`{step.name}`", _words(step.roles), "<br>".join(_moves(step)), _words(step.rules))
            for step in self.steps.values()
        ]
        return markdown_table(("步骤", "step", "由谁办理 by", "从 → 到 from → to", "规则 rules"), rows)


def _moves(step: Step[StateT, AfterT, RuleT]) -> list[str]:
    """``A, B → C``, one for each state arrived at."""
    arrivals: dict[str, list[StateT]] = {}
    for before, after in step.moves.items():
        arrivals.setdefault("↩" if after is None else "=" if after is before else str(after), []).append(before)
    return [f"{_words(before)} → {after}" for after, before in arrivals.items()]


def _words(words: Iterable[object]) -> str:
    return ", ".join(map(str, words)) or "—"


def markdown_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table of a document."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
