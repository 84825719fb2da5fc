"""A second, deliberately naive reading of an OFD file: ``zipfile`` and ``lxml``, nothing of ours."""

from __future__ import annotations

import base64
import io
import posixpath
import zipfile
from dataclasses import dataclass

from lxml import etree

NS = {"o": "http://www.ofdspec.org/2016"}


@dataclass(frozen=True)
class Drawn:
    """One run of text on a page and the font it asks for."""

    page: str
    font: str
    text: str


class Reading:
    """Entries by name, and the few questions the tests ask of them."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            self.entries = {info.filename: archive.read(info) for info in archive.infolist()}

    def xml(self, name: str) -> etree._Element:
        return etree.fromstring(self.entries[name])

    def resolve(self, holder: str, location: str) -> str:
        """The entry that ``location``, written in entry ``holder``, means."""
        if location.startswith("/"):
            return location[1:]
        return posixpath.normpath(posixpath.join(posixpath.dirname(holder), location))

    def one(self, holder: str, path: str) -> str:
        found = self.xml(holder).find(path, NS)
        assert found is not None and found.text, f"{holder} has no {path}"
        return self.resolve(holder, found.text.strip())

    @property
    def document(self) -> str:
        return self.one("OFD.xml", ".//o:DocRoot")

    @property
    def signatures(self) -> list[str]:
        """Names of the Signature.xml entries."""
        listing = self.one("OFD.xml", ".//o:Signatures")
        return [
            self.resolve(listing, s.get("BaseLoc")) for s in self.xml(listing).findall(".//o:Signature", NS)
        ]

    def references(self, signature: str) -> list[tuple[str, bytes]]:
        """``(entry, digest)`` of each Reference."""
        return [
            (self.resolve(signature, r.get("FileRef")), base64.b64decode(r.findtext("o:CheckValue", namespaces=NS)))
            for r in self.xml(signature).findall(".//o:Reference", NS)
        ]

    @property
    def pages(self) -> list[str]:
        """Page and template entries, in the document's order; templates first, as they are painted first."""
        document = self.xml(self.document)
        found = [*document.findall(".//o:TemplatePage", NS), *document.findall(".//o:Page", NS)]
        return [self.resolve(self.document, p.get("BaseLoc")) for p in found]

    def drawn(self) -> list[Drawn]:
        """Every text run of every page."""
        answer = []
        for page in self.pages:
            for text in self.xml(page).findall(".//o:TextObject", NS):
                run = "".join(code.text or "" for code in text.findall("o:TextCode", NS))
                answer.append(Drawn(page, text.get("Font"), run))
        return answer

    def fonts(self) -> dict[str, bytes]:
        """Embedded font files by the ID text objects use."""
        answer = {}
        document = self.xml(self.document)
        for kind in ("o:PublicRes", "o:DocumentRes"):
            for element in document.findall(f".//{kind}", NS):
                name = self.resolve(self.document, element.text.strip())
                res = self.xml(name)
                base = posixpath.join(name, "..", res.get("BaseLoc", "")) if res.get("BaseLoc") else name
                for font in res.findall(".//o:Font", NS):
                    if (file := font.findtext("o:FontFile", namespaces=NS)) is not None:
                        answer[font.get("ID")] = self.entries[self._resource(name, base, file.strip())]
        return answer

    def _resource(self, res: str, base: str, file: str) -> str:
        if file.startswith("/"):
            return file[1:]
        within = posixpath.normpath(posixpath.join(base, file))
        return within if within in self.entries else self.resolve(res, file)
