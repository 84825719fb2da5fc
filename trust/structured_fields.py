"""结构化字段 (RFC 9651), as far as HTTP signatures and digests need it: dictionaries, inner lists, parameters.

Strict: what the grammar does not allow raises ``Malformed("field.malformed")``, a member or parameter named twice too
(the standard would let the last win; two readings of one signature are one too many).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from trust.errors import Malformed

Item: TypeAlias = "str | int | bool | bytes | Token"
LONGEST = 16 << 10

_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_INTEGER = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*")
_SPACES = re.compile(r"[ \t]*")


class Token(str):
    """A bare word, as opposed to a text in quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a dictionary: an item, or an inner list of items with parameters."""

    value: Item | tuple[Member, ...]
    parameters: Mapping[str, Item] = field(default_factory=dict)


def read_dictionary(text: str) -> dict[str, Member]:
    """The dictionary in a field's value."""
    if len(text) > LONGEST or not text.isascii():
        raise _malformed()
    reader = _Reader(text)
    found: dict[str, Member] = {}
    reader.spaces()
    while not reader.at_end:
        name = reader.key()
        if name in found:
            raise _malformed()
        found[name] = reader.member() if reader.skip("=") else Member(True, reader.parameters())
        reader.spaces()
        if reader.at_end:
            break
        reader.demand(",")
        reader.spaces()
        if reader.at_end:
            raise _malformed()
    return found


def write_member(member: Member) -> str:
    """A member's value in its one canonical spelling."""
    if isinstance(member.value, tuple):
        inner = " ".join(write_member(one) for one in member.value)
        return f"({inner}){_write_parameters(member.parameters)}"
    return write_item(member.value) + _write_parameters(member.parameters)


def write_item(value: Item) -> str:
    if isinstance(value, bool):
        return f"?{int(value)}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f":{b64encode(value).decode()}:"
    if isinstance(value, Token):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_parameters(parameters: Mapping[str, Item]) -> str:
    return "".join(f";{n}" if v is True else f";{n}={write_item(v)}" for n, v in parameters.items())


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    @property
    def at_end(self) -> bool:
        return self.place >= len(self.text)

    def spaces(self) -> None:
        self._match(_SPACES)

    def skip(self, char: str) -> bool:
        there = self.text.startswith(char, self.place)
        self.place += there
        return there

    def demand(self, char: str) -> None:
        if not self.skip(char):
            raise _malformed()

    def key(self) -> str:
        return self._demand(_KEY)[0]

    def member(self) -> Member:
        if not self.skip("("):
            value = self.item()
            return Member(value, self.parameters())
        inner: list[Member] = []
        while True:
            self.spaces()
            if self.skip(")"):
                return Member(tuple(inner), self.parameters())
            if inner and self.text[self.place - 1] != " ":
                raise _malformed()
            value = self.item()
            inner.append(Member(value, self.parameters()))

    def parameters(self) -> dict[str, Item]:
        found: dict[str, Item] = {}
        while self.skip(";"):
            self.spaces()
            name = self.key()
            if name in found:
                raise _malformed()
            found[name] = self.item() if self.skip("=") else True
        return found

    def item(self) -> Item:
        match self.text[self.place : self.place + 1]:
            case '"':
                return re.sub(r"\\(.)", r"\1", self._demand(_STRING)[1])
            case ":":
                return _decoded(self._demand(_BYTES)[1])
            case "?":
                self.place += 1
                return self._demand(re.compile("[01]"))[0] == "1"
            case char if char.isdigit() or char == "-":
                return int(self._demand(_INTEGER)[0])
            case _:
                return Token(self._demand(_TOKEN)[0])

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def _demand(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = self._match(pattern)
        if found is None:
            raise _malformed()
        return found


def _decoded(text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise _malformed() from None
    if b64encode(data).decode() != text:
        raise _malformed()
    return data


def _malformed() -> Malformed:
    return Malformed("field.malformed", "请求头不是规范的结构化字段（RFC 9651）。")
