"""Whoever re-signs a bag chooses the names in it, but not what the script prints beside them."""

from __future__ import annotations

import pytest

from licence_store.archive_bag import verify_bag


@pytest.mark.parametrize(
    "name",
    [
        "演示省教育厅\ncertificate SM3: " + "a" * 64,
        "演示省教育厅\r\x1b[2Kcertificate SM3: " + "a" * 64,
        "\u202e\u2028\x85",
    ],
)
def test_a_name_stays_in_its_line(name: str) -> None:
    assert verify_bag.line(name).isprintable()


def test_no_name_fills_the_screen() -> None:
    assert len(verify_bag.line("演" * 100_000)) == 200


def test_the_publisher_printed_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    forged, real = "a" * 64, "b" * 64
    stated = {"case": "1\nSOUND", "made": "", "region": ""}
    stamp = verify_bag.Stamp("2026-11-22T08:00:00Z", f"x\nauthority SM3: {forged}", real)
    answer = verify_bag.Sound({}, f"演示省教育厅\ncertificate SM3: {forged}", real, stated, stamp)
    monkeypatch.setattr(verify_bag, "verify", lambda path: answer)
    monkeypatch.setattr("sys.argv", ["verify_bag.py", "bag.zip"])
    assert verify_bag.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [one for one in lines if one.startswith("certificate SM3:")] == [f"certificate SM3: {real}"]
    assert [one for one in lines if one.startswith("authority SM3:")] == [f"authority SM3: {real}"]
    assert len(lines) == 6
