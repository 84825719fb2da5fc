"""Hostile files end in a verdict, never in an exception, and soon."""

from __future__ import annotations

import io
import random
import zlib

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.seal.pdf import foreign
from tests.verify import world
from tests.verify.cases import codes
from tests.verify.pdf import elsewhere, making
from tests.verify.world import NOW
from verify.pdf import opening
from verify.report import Indication, Report
from verify.verifier import Verifier


def verify(data: bytes) -> Report:
    return Verifier(world.authority().store(), lambda: NOW).verify(data)


def built(change: object) -> bytes:
    """A plain PDF with ``change`` made to it by pikepdf, then signed elsewhere."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(foreign.plain())) as pdf:
        change(pdf)  # type: ignore[operator]
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return elsewhere.signed(page=out.getvalue())


def _action(kind: str) -> object:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Dictionary(Type=pikepdf.Name.Action, S=pikepdf.Name("/" + kind), JS="x", F="x")

    return change


def _layers(pdf: pikepdf.Pdf) -> None:
    layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="hidden"))
    pdf.Root.OCProperties = pikepdf.Dictionary(
        OCGs=pikepdf.Array([layer]), D=pikepdf.Dictionary(OFF=pikepdf.Array([layer]), Order=pikepdf.Array([layer]))
    )


def _annotation(flags: int, subtype: str) -> object:
    def change(pdf: pikepdf.Pdf) -> None:
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name("/" + subtype), Rect=[10, 10, 90, 90], F=flags, Contents="x"
        )
        pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(note)])

    return change


def _attached(name: str, content: bytes) -> object:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.attachments[name] = content

    return change


def _additional(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].AA = pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="x"))


def _dynamic(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=pikepdf.String("x"))


def _external(pdf: pikepdf.Pdf) -> None:
    stream = pdf.make_stream(b"")
    stream.F = pikepdf.String("other.pdf")
    stream.Subtype = pikepdf.Name.Image
    stream.Type = pikepdf.Name.XObject
    pdf.pages[0].Resources.XObject = pikepdf.Dictionary(I=stream)


def _postscript(pdf: pikepdf.Pdf) -> None:
    stream = pdf.make_stream(b"showpage")
    stream.Subtype = pikepdf.Name.PS
    stream.Type = pikepdf.Name.XObject
    pdf.pages[0].Resources.XObject = pikepdf.Dictionary(P=stream)


ACTIVE = {
    "script": (_action("JavaScript"), "pdf.active"),
    "launch": (_action("Launch"), "pdf.active"),
    "submit": (_action("SubmitForm"), "pdf.active"),
    "import": (_action("ImportData"), "pdf.active"),
    "another file": (_action("GoToR"), "pdf.active"),
    "script of a page": (_additional, "pdf.active"),
    "dynamic form": (_dynamic, "pdf.active"),
    "film": (_annotation(4, "Movie"), "pdf.active"),
    "screen": (_annotation(4, "Screen"), "pdf.active"),
    "layer that is off": (_layers, "pdf.hidden"),
    "hidden annotation": (_annotation(2, "FreeText"), "pdf.hidden"),
    "annotation for the printer only": (_annotation(36, "Stamp"), "pdf.hidden"),
    "picture from outside": (_external, "pdf.outside"),
    "PostScript": (_postscript, "pdf.outside"),
    "program": (_attached("a.exe", b"MZ"), "pdf.attachment"),
    "program under another name": (_attached("a.txt", b"MZ\x90\x00"), "pdf.attachment"),
    "ELF": (_attached("notes", b"\x7fELF"), "pdf.attachment"),
    "script file": (_attached("a.js", b"x"), "pdf.attachment"),
    "archive": (_attached("a.dat", b"PK\x03\x04"), "pdf.attachment"),
    "macro": (_attached("a.docm", b"x"), "pdf.attachment"),
}


@pytest.mark.parametrize("name", ACTIVE)
def test_active_hidden_and_outside_content_never_passes(name: str) -> None:
    change, code = ACTIVE[name]
    store = world.authority().store()
    store = store.changed(anchors=(*store.anchors, *elsewhere.anchors("signer"))).with_crls((*store.crls, elsewhere.crl()))
    report = Verifier(store, lambda: NOW).verify(built(change))
    assert code in codes(report)
    assert report.indication is not Indication.PASSED


def test_the_same_without_any_of_it_passes() -> None:
    store = world.authority().store()
    store = store.changed(anchors=(*store.anchors, *elsewhere.anchors("signer"))).with_crls((*store.crls, elsewhere.crl()))
    assert Verifier(store, lambda: NOW).verify(built(lambda pdf: None)).indication is Indication.PASSED


@settings(max_examples=60)
@given(st.integers(0, 10**9), st.integers(1, 6))
def test_octets_changed_anywhere_never_pass_and_never_raise(seed: int, count: int) -> None:
    chance = random.Random(seed)
    data = bytearray(making.sealed())
    for _ in range(count):
        place = chance.randrange(len(data))
        data[place] ^= 1 << chance.randrange(8)
    start, stop = making._contents(making.sealed())
    report = verify(bytes(data))
    changed = [n for n, (a, b) in enumerate(zip(data, making.sealed(), strict=True)) if a != b]
    if any(not start <= n < stop for n in changed):
        assert report.indication is not Indication.PASSED


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_rubbish_behind_a_head_is_refused(rubbish: bytes) -> None:
    assert verify(b"%PDF-1.7\n" + rubbish).indication is Indication.FAILED


def bomb(layers: int) -> bytes:
    data = bytes(80 << 20)
    for _ in range(layers):
        data = zlib.compress(data, 9)
    out = io.BytesIO()
    pdf = pikepdf.Pdf.new()
    pdf.add_blank_page()
    stream = pikepdf.Stream(pdf, b"")
    stream.write(data, filter=pikepdf.Array([pikepdf.Name.FlateDecode] * layers), type_check=False)
    pdf.attachments["x.txt"] = b"x"
    pdf.Root.Names.EmbeddedFiles.Names[1].EF.F = stream
    pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out.getvalue()


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_bombs_are_not_inflated(layers: int) -> None:
    report = verify(bomb(layers))
    assert report.indication is not Indication.PASSED


def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "TIME", -1.0)
    assert "format.pdf_time" in codes(verify(making.sealed()))


def test_too_many_revisions() -> None:
    data = foreign.plain()
    for _ in range(opening.MAX_REVISIONS + 1):
        data = making.new_title(data)
    assert codes(verify(data)) == ["format.pdf_limit"]


def test_too_many_signatures() -> None:
    """They need no revision of their own: fields of one revision may each claim the whole file."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(foreign.plain())) as pdf:
        claimed = pikepdf.Dictionary(Type=pikepdf.Name.Sig, ByteRange=[0, 1, 2, 1], Contents=pikepdf.String("x"))
        value = pdf.make_indirect(claimed)
        names = [f"s{number}" for number in range(opening.MAX_SIGNATURES + 1)]
        fields = [pikepdf.Dictionary(FT=pikepdf.Name.Sig, T=name, V=value) for name in names]
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([pdf.make_indirect(one) for one in fields]))
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    assert codes(verify(out.getvalue())) == ["format.pdf_limit"]


@pytest.mark.parametrize("octets", [0, 1, 4, 5, 8, 9, 64])
def test_heads_of_files(octets: int) -> None:
    assert verify(making.sealed()[:octets]).indication is Indication.FAILED
