"""签名描述文件: written in schema order, read in any order, ambiguity refused."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seal.ofd.package import Limits, directory_of, locate, open_package
from seal.ofd.signatures import (
    ListedSignature,
    Reference,
    StampAnnot,
    build_signature_xml,
    build_signatures_xml,
    parse_signature,
    parse_signatures,
)
from tests.seal.conftest import sample
from trust.algorithms import SM3, sm3
from trust.errors import Malformed

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
REFERENCES = [("/OFD.xml", sm3(b"1")), ('/Doc_0/a&b "<c>.xml', sm3(b"2"))]
STAMPS = [
    StampAnnot("s002", "1", (10.5, 20.0, 42.0, 42.0)),
    StampAnnot("s003", "7", (168.125, 0.0, 42.0, 42.0), (0.0, 0.0, 21.0, 42.0)),
]


def built() -> bytes:
    return build_signature_xml(
        REFERENCES,
        STAMPS,
        signed_at=NOW,
        signed_value_loc="/Doc_0/Signs/Sign_0/SignedValue.dat",
        seal_loc="/Doc_0/Signs/Sign_0/Seal.esl",
    )


def test_signature_reads_back() -> None:
    parsed = parse_signature(built())
    assert parsed.references == tuple(Reference(*pair) for pair in REFERENCES)
    assert list(parsed.stamps) == STAMPS
    assert (parsed.method, parsed.check_method, parsed.digest_algorithm) == ("1.2.156.10197.1.501", SM3, SM3)
    assert parsed.datetime == "20261122080000Z"
    assert parsed.seal_loc == "/Doc_0/Signs/Sign_0/Seal.esl"
    assert parsed.signed_value_loc == "/Doc_0/Signs/Sign_0/SignedValue.dat"
    assert parsed.provider


def test_list_reads_back() -> None:
    listed = ListedSignature("s001", "Seal", "/Doc_0/Signs/Sign_0/Signature.xml")
    parsed = parse_signatures(build_signatures_xml([listed], "s002"))
    assert parsed.signatures == (listed,) and parsed.max_sign_id == "s002"


VALUE = b64encode(bytes(32)).decode()
REFERENCE = f'<Reference FileRef="/a"><CheckValue>{VALUE}</CheckValue></Reference>'


def wrapped(info: str, tail: str = "<SignedValue>SignedValue.dat</SignedValue>", ns: str = "") -> bytes:
    return f"<Signature{ns}>{tail}<SignedInfo>{info}</SignedInfo></Signature>".encode()


def test_any_order_and_either_namespace() -> None:
    info = f"<StampAnnot ID='1' PageRef='2' Boundary='0 0 1 1'/><References>{REFERENCE}</References><Provider/>"
    for ns in ("", ' xmlns="http://www.ofdspec.org/2016"', ' xmlns="http://www.ofdspec.org"'):
        parsed = parse_signature(wrapped(info, ns=ns))
        assert parsed.references == (Reference("/a", bytes(32)),)
        assert parsed.check_method == "" and parsed.signed_value_loc == "SignedValue.dat" and parsed.seal_loc == ""


def test_elements_of_other_namespaces_do_not_count() -> None:
    info = f'<References><x:Reference xmlns:x="urn:x" FileRef="/b"/>{REFERENCE}</References>'
    assert parse_signature(wrapped(info)).references == (Reference("/a", bytes(32)),)


def test_no_references_is_for_the_verifier_to_judge() -> None:
    assert parse_signature(wrapped("")).references == ()
    assert parse_signature(wrapped("<References CheckMethod='sm3'/>")).digest_algorithm == SM3


def test_comments_and_line_breaks_in_a_check_value() -> None:
    value = f"{VALUE[:10]}\n  <!-- x -->{VALUE[10:]}"
    info = f'<References><Reference FileRef="/a"><CheckValue>{value}</CheckValue></Reference></References>'
    assert parse_signature(wrapped(info)).references == (Reference("/a", bytes(32)),)


BAD = [
    b"<Signatures/>",
    b"<Signature/>",
    b"<Signature><SignedInfo/><SignedInfo/></Signature>",
    wrapped("<References/><References/>"),
    wrapped("<Seal/><Seal/>"),
    wrapped("", "<SignedValue>a</SignedValue><SignedValue>b</SignedValue>"),
    wrapped("<References><Reference><CheckValue>AAAA</CheckValue></Reference></References>"),
    wrapped("<References><Reference FileRef='/a'/></References>"),
    wrapped("<References><Reference FileRef='/a'><CheckValue>A?==</CheckValue></Reference></References>"),
    wrapped(f"<References>{REFERENCE.replace('</CheckValue>', '</CheckValue><CheckValue/>')}</References>"),
    wrapped("<StampAnnot ID='1'/>"),
    wrapped("<StampAnnot ID='1' Boundary='1 2 3'/>"),
    wrapped("<StampAnnot ID='1' Boundary='1 2 3 nan'/>"),
    wrapped("<StampAnnot ID='1' Boundary='1 2 3 x'/>"),
    wrapped(f"<References>{REFERENCE * 5}</References>"),
    wrapped("<StampAnnot ID='1' Boundary='1 2 3 4'/>" * 5),
]


@pytest.mark.parametrize("xml", BAD)
def test_signatures_refused(xml: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        parse_signature(xml, Limits(max_references=4, max_stamps=4))
    assert raised.value.code == "format.signature_xml"


@pytest.mark.parametrize(
    "xml",
    [
        b"<Signature/>",
        b"<Signatures><Signature ID='1'/></Signatures>",
        b"<Signatures><Signature ID='1' BaseLoc='a'/><Signature ID='1' BaseLoc='b'/></Signatures>",
        b"<Signatures>" + b"<Signature BaseLoc='a'/>" * 65 + b"</Signatures>",
    ],
)
def test_lists_refused(xml: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        parse_signatures(xml)
    assert raised.value.code == "format.signatures_xml"


@given(st.data())
def test_mutations_never_surprise(data: st.DataObject) -> None:
    mutated = bytearray(built())
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    for parse in (parse_signature, parse_signatures):
        with suppress(Malformed):
            parse(bytes(mutated))


@pytest.mark.parametrize(
    ("name", "signatures", "broken"),
    [
        ("DigitalSign", 1, []),
        ("SESV4SignDoc", 1, []),
        ("V4RideRight", 1, []),
        ("allprotected", 1, []),
        ("h", 2, ["/Doc_0/Signs/Signatures.xml"]),
        ("testPathClip", 2, []),
    ],
)
def test_samples_of_others(name: str, signatures: int, broken: list[str]) -> None:
    entries = open_package(sample(f"{name}.ofd")).entries
    listed = parse_signatures(entries["Doc_0/Signs/Signatures.xml"])
    assert len(listed.signatures) == signatures
    changed = []
    for item in listed.signatures:
        file = locate(entries, "Doc_0/Signs", item.base_loc)
        described = parse_signature(entries[file])
        assert described.references and described.digest_algorithm == SM3
        assert locate(entries, directory_of(file), described.signed_value_loc) in entries
        for location, digest in described.references:
            if sm3(entries[locate(entries, directory_of(file), location)]) != digest:
                changed.append(location)
    assert changed == broken
