"""A source as it is declared: what is wrong is named, secrets and foreign places are refused."""

from __future__ import annotations

from typing import Any

import pytest

from licence_store.collection.declarations import load_declaration
from licence_store.collection.mapping import EXCEL, read_day
from trust.errors import Malformed

PLAIN: dict[str, Any] = {"id": "a", "title": "甲库", "type": "t", "department": "d"}
TABLE = {"kind": "table", "connection": "db", "table": "x", "key": ["id"]}
SERVICE = {"kind": "service", "url": "https://example.org/x"}


def load(trusted: bool = False, **parts: Any) -> Any:
    return load_declaration({**PLAIN, **parts}, lambda _: ("name", "code"), trusted=trusted)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": "A"}, "id"),
    ({"title": ""}, "title"),
    ({"title": "a\nb"}, "title"),
    ({"mode": "magic"}, "mode"),
    ({"authority": 101}, "authority"),
    ({"authority": True}, "authority"),
    ({"credibility": "Z"}, "credibility"),
    ({"colour": 1}, "colour"),
    ({"key": [1]}, "key"),
    ({"fields": {}}, "fields"),
    ({"fields": {"nobody": "x"}}, "fields.nobody"),
    ({"fields": {"name": 1}}, "fields.name"),
    ({"fields": {"name": {"column": "x", "constant": "y"}}}, "fields.name"),
    ({"fields": {"name": {"column": "x", "dates": ["soon"]}}}, "fields.name.dates"),
    ({"fields": {"name": {"column": "x", "scale": "many"}}}, "fields.name.scale"),
    ({"fields": {"name": {"column": "x", "table": {"1": 2}}}}, "fields.name.table"),
    ({"fields": {"name": {"column": "x", "upper": "yes"}}}, "fields.name.upper"),
    ({"schedule": "hourly"}, "schedule"),
    ({"schedule": "every 1m"}, "schedule"),
    ({"schedule": ["every 1h"]}, "schedule"),
    ({"connector": "csv"}, "connector"),
    ({"connector": {"kind": "telepathy"}}, "connector.kind"),
    ({"connector": {"kind": "upload", "path": "x"}}, "connector.path"),
    ({"connector": {"kind": "file", "path": "/outside/rows.csv"}}, "connector.path"),
    ({"connector": {"kind": "file", "path": "../keys"}}, "connector.path"),
    ({"connector": {**TABLE, "key": []}}, "connector.key"),
    ({"connector": {**TABLE, "table": "x; DROP TABLE y"}}, "connector.table"),
    ({"connector": {**TABLE, "url": "sqlite:///x"}}, "connector.connection"),
    ({"connector": {**TABLE, "connection": "../x"}}, "connector.connection"),
    ({"connector": {"kind": "table", "url": "sqlite:///x", "table": "x", "key": ["id"]}}, "connector.url"),
    ({"connector": {**SERVICE, "url": "file:///outside/rows.csv"}}, "connector.url"),
    ({"connector": {**SERVICE, "page": 0}}, "connector.page"),
    ({"connector": {**SERVICE, "since": "after"}}, "connector.watermark"),
    ({"holder_facts": {"connection": "db", "queries": {"x": "SELECT 1"}}}, "holder_facts.queries"),
    ({"holder_facts": {"url": "ftp://x"}}, "connector.url"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "part"), WRONG)
def test_what_is_wrong_is_named(parts: dict[str, Any], part: str) -> None:
    with pytest.raises(Malformed) as caught:
        load(**parts)
    assert (caught.value.code, caught.value.params["part"]) == ("source.invalid", part)


@pytest.mark.parametrize("raw", [None, [], "x", 1])
def test_what_is_no_object(raw: Any) -> None:
    with pytest.raises(Malformed):
        load_declaration(raw, lambda _: (), trusted=True)


def test_no_password_in_a_declaration() -> None:
    with pytest.raises(Malformed) as caught:
        load(trusted=True, connector={"kind": "table", "url": "postgresql://u:secret@h/x", "table": "x", "key": "id"})
    assert caught.value.code == "source.secret"
    assert "secret" not in caught.value.message


def test_the_console_may_name_any_place() -> None:
    assert load(trusted=True, connector={"kind": "file", "path": "/srv/x.csv"}).connector.params["path"] == "/srv/x.csv"
    assert load(trusted=True, connector={"kind": "table", "url": "sqlite:///x", "table": "x", "key": "id"})
    assert load(schedule="every 1d").period.days == 1


ROW = {"n": " 张三 ", "k": "a-1 b", "f": 3.0, "d": "2026/1/5", "e": 46023, "y": "2026年3月", "s": "1,234.5", "t": "02"}


@pytest.mark.parametrize(
    ("mapping", "value"),
    [
        ("n", "张三"),
        ({"column": "f"}, "3"),
        ({"column": "k", "upper": True, "digits": True}, "A1B"),
        ({"column": "d", "dates": ["YYYY-MM-DD", "YYYY/MM/DD"]}, "2026-01-05"),
        ({"column": "e", "dates": [EXCEL]}, "2026-01-01"),
        ({"column": "y", "dates": ["YYYY年MM月"]}, "2026-03"),
        ({"column": "n", "dates": ["YYYY-MM-DD"]}, "张三"),
        ({"column": "s", "scale": 10000}, "12345000"),
        ({"column": "n", "scale": 10000}, "张三"),
        ({"column": "t", "table": {"02": "有限"}}, "有限"),
        ({"column": "t", "table": {"01": "有限"}}, "02"),
        ({"join": ["d", "none"], "with": "/", "dates": ["YYYY/MM/DD"]}, "2026-01-05/"),
        ({"join": ["none", "none2"], "with": "/"}, None),
        ({"column": "none", "default": "无"}, "无"),
        ({"constant": "汉族"}, "汉族"),
        ("none", None),
    ],
)
def test_columns_become_fields(mapping: Any, value: str | None) -> None:
    assert load(fields={"name": mapping}).mapper.record(ROW).get("name") == value


@pytest.mark.parametrize("text", ["", "2026-13-01", "2026/01/01", "-1-1-1", "99999-01-01", "二〇二六年"])
def test_what_is_no_day(text: str) -> None:
    assert read_day(text, "YYYY-MM-DD") == ""


@pytest.mark.parametrize("text", ["", "-5", "1e999", "NaN", "x", "99999999"])
def test_what_a_spreadsheet_cannot_count(text: str) -> None:
    assert read_day(text, EXCEL) == ""
