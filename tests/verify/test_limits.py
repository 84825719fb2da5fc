"""限额: a stranger's file may not cost more time or memory than an honest one of its size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seal.ofd.package import Limits, open_package
from tests.authority import Authority
from tests.verify import world
from trust.certificates import load_certificate
from trust.der import SEQUENCE, SET, oid, read_tlv, tlv
from trust.errors import Malformed
from verify.report import Indication
from verify.verifier import Verifier

PAGE = "Doc_0/Pages/Page_0/Content.xml"


@pytest.fixture(scope="module")
def office() -> Authority:
    return world.authority()


def _codes(data: bytes, limits: Limits | None = None) -> tuple[Indication, list[str]]:
    report = Verifier(world.authority().store(), lambda: world.NOW, limits=limits or Limits()).verify(data)
    return report.indication, [f.code for s in report.signatures for f in s.findings] + [
        f.code for f in report.findings
    ]


def test_all_xml_together_is_limited_whether_remembered_or_not() -> None:
    tight = replace(Limits(), max_xml_marks=1500)
    for _ in range(2):
        indication, found = _codes(world.sealed(), tight)
        assert (indication, "package.limit" in found) == (Indication.FAILED, True)
    assert _codes(world.sealed())[0] is Indication.PASSED


def test_one_signature_file_listed_often_is_weighed_each_time() -> None:
    entries = dict(open_package(world.sealed()).entries)
    line = b'<ofd:Signature ID="s%d" Type="Seal" BaseLoc="/Doc_0/Signs/Sign_0/Signature.xml"/>'
    lines = b"".join(line % n for n in range(500, 540))
    entries[world.SIGNATURES] = entries[world.SIGNATURES].replace(b"</ofd:Signatures>", lines + b"</ofd:Signatures>")
    _, found = _codes(world.pack(entries), replace(Limits(), max_xml_marks=5000))
    assert {"package.limit", "signature.listed_twice"} <= set(found)


def test_one_text_bound_many_times_is_read_once() -> None:
    entries = dict(open_package(world.sealed()).entries)
    tags = entries["Doc_0/Tags/Tag_Licence.xml"]
    begin = tags.index(b"<ofd:ObjectRef")
    reference = tags[begin : tags.index(b"</ofd:ObjectRef>", begin) + 16]
    entries["Doc_0/Tags/Tag_Licence.xml"] = tags.replace(reference, reference * 5000, 1)
    entries[PAGE] = entries[PAGE].replace(b"<ofd:TextCode ", b"<ofd:TextCode " + b" " * 9, 1)
    assert "message.tags" in _codes(world.pack(entries))[1]


def test_certificates_with_endless_names_are_refused(office: Authority) -> None:
    whole = office.department.certificate.der
    part = tlv(SET, tlv(SEQUENCE, oid("2.5.4.3"), tlv(0x0C, b"a")))
    tbs = read_tlv(read_tlv(whole)[1])[1]
    fields, offset = [], 0
    while offset < len(tbs):
        _, _, end = read_tlv(tbs, offset)
        fields.append(tbs[offset:end])
        offset = end
    rest = read_tlv(whole)[1][read_tlv(read_tlv(whole)[1])[2] :]
    for place in (3, 5):
        long = [*fields[:place], tlv(SEQUENCE, part * 33), *fields[place + 1 :]]
        with pytest.raises(Malformed):
            load_certificate(tlv(SEQUENCE, tlv(SEQUENCE, *long), rest))
        fine = [*fields[:place], tlv(SEQUENCE, part * 32), *fields[place + 1 :]]
        assert (
            load_certificate(tlv(SEQUENCE, tlv(SEQUENCE, *fine), rest)).serial == office.department.certificate.serial
        )
