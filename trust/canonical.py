"""规范化 JSON: one byte string for one value (RFC 8785), so that it can be digested and signed.

Our values are strings, lists and objects only: numbers, booleans and null have too many spellings to be
signed. Text is brought to Unicode NFC first; two keys that become equal are refused.

    >>> canonical_json({"b": ["2"], "a": "1"})
    b'{"a":"1","b":["2"]}'
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import NoReturn, TypeAlias
from unicodedata import is_normalized, normalize

from trust.errors import Malformed

Value: TypeAlias = "str | list[Value] | dict[str, Value]"
"""What canonical JSON may hold."""

MAX_DEPTH = 32
MAX_BYTES = 16 << 20

_quote = encode_basestring
"""Text as JSON writes it: only what must be escaped is (RFC 8785, 3.2.2.2)."""


def canonical_json(value: object) -> bytes:
    """规范化 JSON octets of ``value`` (RFC 8785 after NFC), UTF-8.

    ``value`` is built of ``str``, ``list`` or ``tuple`` and ``dict`` with ``str`` keys; anything else,
    lone surrogates, nesting deeper than ``MAX_DEPTH`` or keys equal after NFC raise
    ``Malformed("json.*")``.
    """
    try:
        return _written(value, MAX_DEPTH).encode()
    except UnicodeEncodeError:
        raise Malformed("json.surrogate", "文本中含有不成对的代理字符，无法规范化。") from None


def _written(value: object, depth: int) -> str:
    """``value`` as text, in NFC."""
    if isinstance(value, str):
        return _quote(_nfc(value))
    if depth == 0:
        raise Malformed("json.depth", "数据嵌套超过 {limit} 层。", limit=MAX_DEPTH)
    if isinstance(value, dict):
        return _written_object(value, depth - 1)
    if isinstance(value, list | tuple):
        return f"[{','.join([_written(item, depth - 1) for item in value])}]"
    raise Malformed("json.type", "规范化数据只允许文本、数组和对象，实际出现 {type}。", type=type(value).__name__)


def _written_object(value: dict[object, object], depth: int) -> str:
    """The pairs in the order of the UTF-16 code units of their names (RFC 8785, 3.2.3)."""
    pairs: dict[str, str] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise Malformed("json.type", "对象的名称应当是文本，实际出现 {type}。", type=type(key).__name__)
        pairs[_nfc(key)] = _written(item, depth)
    if len(pairs) != len(value):
        raise Malformed("json.duplicate", "对象中有两个名称规范化后相同。")
    # Code points and UTF-16 units sort alike but above U+FFFF.
    ordered = sorted(pairs) if all(map(str.isascii, pairs)) else sorted(pairs, key=_order)
    return f"{{{','.join([f'{_quote(key)}:{pairs[key]}' for key in ordered])}}}"


def _order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _nfc(text: str) -> str:
    # A str subclass could answer differently when it is encoded: take the plain text.
    if text.isascii() or is_normalized("NFC", text):
        return str(text)
    return normalize("NFC", text)


def parse_json(data: bytes, *, limit: int = MAX_BYTES) -> Value:
    """Read JSON made of strings, arrays and objects only; strict, never trusting.

    Raises ``Malformed("json.*")`` for anything else: not UTF-8, a byte order mark, duplicate names,
    numbers, ``true``/``false``/``null``, nesting deeper than ``MAX_DEPTH``, more than ``limit`` bytes.
    """
    if len(data) > limit:
        raise Malformed("json.too_large", "数据超过 {limit} 字节。", limit=limit)
    try:
        value = _decoder.decode(data.decode("utf-8"))
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise Malformed("json.syntax", "数据不是有效的 UTF-8 JSON。") from None
    _demand_strings(value, MAX_DEPTH)
    return value  # type: ignore[no-any-return]


def parse_canonical(data: bytes, *, limit: int = MAX_BYTES) -> Value:
    """As ``parse_json``, and the octets must be the canonical ones: ``canonical_json(result) == data``."""
    value = parse_json(data, limit=limit)
    if canonical_json(value) != data:
        raise Malformed("json.not_canonical", "数据不是规范化 JSON（RFC 8785，NFC）。")
    return value


def _demand_strings(value: object, depth: int) -> None:
    if isinstance(value, str):
        return
    if depth == 0:
        raise Malformed("json.depth", "数据嵌套超过 {limit} 层。", limit=MAX_DEPTH)
    if not isinstance(value, dict | list):
        raise Malformed("json.type", "规范化数据只允许文本、数组和对象，实际出现 {type}。", type=type(value).__name__)
    for item in value.values() if isinstance(value, dict) else value:
        _demand_strings(item, depth - 1)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("json.duplicate", "对象中有重复的名称。")
    return found


def _number(text: str) -> NoReturn:
    raise Malformed("json.type", "规范化数据只允许文本、数组和对象，实际出现 {type}。", type="number")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_number, parse_float=_number, parse_constant=_number)
