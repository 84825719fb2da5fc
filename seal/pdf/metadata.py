"""元数据: XMP packet, document information and output intent of a PDF/A-3b file (ISO 19005-3, 6.6 and 6.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from xml.sax.saxutils import escape

from seal.pdf.objects import dictionary, stream, text


@dataclass(frozen=True, slots=True)
class DocumentInformation:
    """文件信息, the same in XMP and in Info."""

    title: str
    author: str
    subject: str
    created: datetime
    """Aware; whole seconds."""
    creator: str = "licence-trust"


def pdf_date(moment: datetime) -> bytes:
    """A date (ISO 32000-1, 7.9.4)."""
    offset = moment.strftime("%z")
    zone = "Z" if offset in ("+0000", "") else f"{offset[:3]}'{offset[3:]}'"
    return text(f"D:{moment:%Y%m%d%H%M%S}{zone}")


def information(info: DocumentInformation) -> bytes:
    """The document information dictionary (14.3.3)."""
    moment = pdf_date(info.created)
    return dictionary(
        {
            "Title": text(info.title),
            "Author": text(info.author),
            "Subject": text(info.subject),
            "Creator": text(info.creator),
            "Producer": text(info.creator),
            "CreationDate": moment,
            "ModDate": moment,
        }
    )


def xmp(info: DocumentInformation) -> bytes:
    """The metadata stream (14.3.2): says the same, and that this is PDF/A-3b."""
    moment = f"{info.created:%Y-%m-%dT%H:%M:%S}{_zone(info.created)}"
    title, author, subject, creator = map(escape, (info.title, info.author, info.subject, info.creator))
    packet = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" '
        'xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
        f"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>"
        f'<dc:format>application/pdf</dc:format><dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li>'
        f"</rdf:Alt></dc:title><dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>"
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>'
        "<dc:language><rdf:Bag><rdf:li>zh-CN</rdf:li></rdf:Bag></dc:language>"
        f"<xmp:CreateDate>{moment}</xmp:CreateDate><xmp:ModifyDate>{moment}</xmp:ModifyDate>"
        f"<xmp:CreatorTool>{creator}</xmp:CreatorTool><pdf:Producer>{creator}</pdf:Producer>"
        '</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="r"?>'
    )
    return stream({"Type": b"/Metadata", "Subtype": b"/XML"}, packet.encode())


def _zone(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return "Z" if offset in ("+0000", "") else f"{offset[:3]}:{offset[3:]}"


@cache
def colour_profile() -> bytes:
    """An sRGB profile as a stream: what the page's colours mean."""
    from PIL import ImageCms

    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return stream({"N": b"3"}, data, level=9)


def output_intent(profile: bytes) -> bytes:
    """The output intent (ISO 19005-3, 6.2.3); ``profile`` refers to ``colour_profile``."""
    return dictionary(
        {
            "Type": b"/OutputIntent",
            "S": b"/GTS_PDFA1",
            "OutputConditionIdentifier": text("sRGB IEC61966-2.1"),
            "Info": text("sRGB IEC61966-2.1"),
            "DestOutputProfile": profile,
        }
    )


def embedded(names: Mapping[str, bytes]) -> bytes:
    """The name tree of embedded files."""
    pairs = b" ".join(text(file) + b" " + place for file, place in sorted(names.items()))
    return dictionary({"EmbeddedFiles": dictionary({"Names": b"[" + pairs + b"]"})})
