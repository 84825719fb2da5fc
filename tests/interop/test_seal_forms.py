"""Several seals, cross-page seals, the form of 2025 and digital signatures, before programs that others wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seal.making import make_seal
from seal.ofd.sealable import open_for_sealing
from seal.sealing import Placement, SealingMaterial, SigningMaterial, cross_page_placements
from tests.interop.programs import OpenSSL
from tests.interop.reading import Reading
from tests.interop.test_ofdjs import browser, draw, page, script  # noqa: F401 - fixtures
from tests.interop.test_openssl import check_digests, check_values, signed_value
from tests.verify import world
from tests.verify.test_several_seals import application, form, issuer, sealer, two_sealed
from tests.verify.world import MADE


def cross_page() -> bytes:
    document, material = open_for_sealing(form()), issuer()
    return sealer().seal(document, material, cross_page_placements(document.pages, material.seal, 120)).data


def of_2025() -> bytes:
    made = make_seal(application(), world.authority().seal_maker, world.Drawn(), moment=MADE)
    material = SealingMaterial(made, world.authority().department)
    return sealer().seal(open_for_sealing(form()), material, [Placement(1, 60, 60)]).data


@pytest.mark.parametrize("make", [two_sealed, cross_page, of_2025])
def test_openssl_confirms_every_seal(make, openssl: OpenSSL) -> None:
    reading = Reading(make())
    check_digests(reading, openssl)
    check_values(reading, openssl)


def test_openssl_and_digital_signatures(openssl: OpenSSL, tmp_path: Path) -> None:
    """GB/T 35275: openssl reads the structure and verifies the value. The whole it cannot verify as CMS: it does not
    know the national OID of signedData, and CMS would sign the content, where GM/T 0099 signs SM2's digest of a digest.
    """
    reading = Reading(sealer().seal(open_for_sealing(form()), SigningMaterial(world.authority().department)).data)
    [name] = reading.signatures
    check_digests(reading, openssl)
    value = signed_value(reading, name)
    outer = openssl.parse(value)
    body = outer[1][0]
    content, certificates, signer = body[2][1][0].content, body[3], body[4][0]
    assert content == openssl.sm3(reading.entries[name])
    assert openssl.verifies(certificates[0].whole, signer[4].content, content)
    assert not openssl.verifies(certificates[0].whole, signer[4].content, content[:-1] + b"\0")
    (tmp_path / "value.der").write_bytes(value)
    command = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", str(tmp_path / "value.der")]
    answer = subprocess.run([*command, "-out", str(tmp_path / "out")], check=False, capture_output=True, text=True)
    assert answer.returncode != 0
    assert "unsupported content type" in answer.stderr, "openssl has learned the national OID: verify with it"


def test_ofdjs_draws_every_seal_of_one_document(page, script) -> None:  # noqa: F811
    drawn = draw(page, script, two_sealed())
    assert [seal["info"]["VerifyRet"] for seal in drawn["seals"]] == [True, True]
    assert all(fine for _, _, fine in drawn["digests"])


def test_ofdjs_draws_a_cross_page_seal_on_every_page(page, script) -> None:  # noqa: F811
    drawn = draw(page, script, cross_page())
    assert drawn["pages"] == 2
    assert [seal["info"]["VerifyRet"] for seal in drawn["seals"]] == [True, True]
