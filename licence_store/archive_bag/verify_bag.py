"""Verify an archive bag (BagIt, RFC 8493) with nothing but this file and Python 3.10 or newer.

    python3 verify_bag.py bag.zip                      every file against both manifests, the signature, the time stamp
    python3 verify_bag.py bag.zip --publisher 3f9a…    ... and that it was signed with this certificate (its SM3)

Says "SOUND" and ends with 0, or names what is wrong and ends with 1. No network, no service, no library: SM3
(GB/T 32905) and the checking of SM2 signatures (GB/T 32918) are written out below. Who the publisher is, you must know
from elsewhere: compare the certificate's SM3 that is printed with the one the authority has made public. Whom the
publisher believed for time stamps stands in the trust bundle in the bag. Revocation of certificates is not looked at.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import zipfile
import zlib
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

FORMAT = "licence-trust/archive-bag/1"
MOST = 4 << 30
ALGORITHMS = ("sha256", "sm3")
EARLIER, LATER = timedelta(minutes=5), timedelta(hours=24)
"""How far the time stamp may lie before and behind the moment that the bag states."""

# OIDs, DER without tag and length
COMMON_NAME = bytes.fromhex("550403")
BASIC_CONSTRAINTS = bytes.fromhex("551d13")
EXTENDED_KEY_USAGE = bytes.fromhex("551d25")
TIME_STAMPING = bytes.fromhex("2b06010505070308")
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")
SIGNING_CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910022f")
SM2_SIGNATURES = tuple(bytes.fromhex(one) for one in ("2a811ccf55018375", "2a811ccf5501822d", "2a811ccf5501822d01"))
DIGESTS = {
    bytes.fromhex("2a811ccf55018311"): "sm3",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}

# ---------------------------------------------------------------- SM3


def _sm3_words(data: bytes) -> bytes:
    """SM3 in plain Python, for a Python without it."""
    mask = 0xFFFFFFFF

    def turn(x: int, n: int) -> int:
        n %= 32
        return ((x << n) | (x >> (32 - n))) & mask

    state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    for at in range(0, len(padded), 64):
        w = [int.from_bytes(padded[at + 4 * n : at + 4 * n + 4], "big") for n in range(16)]
        for n in range(16, 68):
            x = w[n - 16] ^ w[n - 9] ^ turn(w[n - 3], 15)
            w.append(x ^ turn(x, 15) ^ turn(x, 23) ^ turn(w[n - 13], 7) ^ w[n - 6])
        a, b, c, d, e, f, g, h = state
        for n in range(64):
            t = 0x79CC4519 if n < 16 else 0x7A879D8A
            s1 = turn((turn(a, 12) + e + turn(t, n)) & mask, 7)
            s2 = s1 ^ turn(a, 12)
            first = a ^ b ^ c if n < 16 else (a & b) | (a & c) | (b & c)
            second = e ^ f ^ g if n < 16 else (e & f) | (~e & mask & g)
            one = (first + d + s2 + (w[n] ^ w[n + 4])) & mask
            two = (second + h + s1 + w[n]) & mask
            a, b, c, d, e, f, g, h = one, a, turn(b, 9), c, two ^ turn(two, 9) ^ turn(two, 17), e, turn(f, 19), g
        state = [x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True)]
    return b"".join(x.to_bytes(4, "big") for x in state)


def digest(name: str, data: bytes) -> str:
    """Hex digest of ``data``."""
    try:
        return hashlib.new(name, data).hexdigest()
    except ValueError:
        return _sm3_words(data).hex()


# ---------------------------------------------------------------- SM2

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
IDENTITY = b"1234567812345678"
Point = tuple[int, int]


def _plus(p: Point | None, q: Point | None) -> Point | None:
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def _times(k: int, p: Point | None) -> Point | None:
    found = None
    while k:
        if k & 1:
            found = _plus(found, p)
        p, k = _plus(p, p), k >> 1
    return found


def verify_sm2(point: bytes, signature: bytes, data: bytes) -> bool:
    """Is ``signature`` (r, s in DER, or 32 octets each) by the key ``point`` (04 ‖ X ‖ Y) over ``data``?"""
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if len(point) != 65 or point[0] != 4 or (y * y - x * x * x - A * x - B) % P:
        return False
    halves = [signature[:32], signature[32:]]
    if len(signature) != 64:
        halves = [body for _, body, _ in children(inside(signature, 1))]
    r, s = (int.from_bytes(one, "big") for one in halves)
    if not (0 < r < N and 0 < s < N and (r + s) % N):
        return False
    numbers = b"".join(n.to_bytes(32, "big") for n in (A, B, GX, GY))
    z = bytes.fromhex(digest("sm3", (8 * len(IDENTITY)).to_bytes(2, "big") + IDENTITY + numbers + point[1:]))
    e = int(digest("sm3", z + data), 16)
    at = _plus(_times(s, (GX, GY)), _times((r + s) % N, (x, y)))
    return at is not None and (e + at[0]) % N == r


# ---------------------------------------------------------------- DER, as much as a certificate needs


def children(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """``(tag, body, whole)`` of each element in ``data``."""
    found: list[tuple[int, bytes, bytes]] = []
    place = 0
    while place < len(data):
        start, tag, length = place, data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        if place + length > len(data):
            raise ValueError("DER")
        found.append((tag, data[place : place + length], data[start : place + length]))
        place += length
    return found


# ---------------------------------------------------------------- certificates


class Certificate(NamedTuple):
    """As much of one as is needed here; octets are DER, moments ``YYYYMMDDHHMMSS`` in UTC."""

    whole: bytes
    name: str
    """Common name of the subject."""
    point: bytes
    serial: bytes
    issuer: bytes
    subject: bytes
    begins: str
    ends: str
    extensions: dict[bytes, tuple[bool, bytes]]
    """OID → is it critical, its value."""
    signed: bytes
    signature: bytes


def read_certificate(certificate: bytes) -> Certificate:
    """Raises ``ValueError`` or ``IndexError`` for what is none."""
    (_, body, whole), *more = children(certificate)
    (_, _, signed), _, (_, signature, _) = children(body)
    if more:
        raise ValueError("octets behind the certificate")
    fields = children(inside(signed, 1))
    if fields[0][0] == 0xA0:
        fields = fields[1:]
    serial, _, issuer, validity, subject, key = fields[:6]
    names = [children(pair) for _, part, _ in children(subject[1]) for _, pair, _ in children(part)]
    name = next((text[1].decode("utf-8", "replace") for oid, text in names if oid[1] == COMMON_NAME), "")
    begins, ends = (digits(tag, text) for tag, text, _ in children(validity[1]))
    extensions: dict[bytes, tuple[bool, bytes]] = {}
    for _, some, _ in fields[6:]:
        for _, one, _ in children(inside(some, 1)) if some[:1] == b"\x30" else []:
            (_, oid, _), *flag, (_, value, _) = children(one)
            extensions[oid] = bool(flag and flag[0][1] == b"\xff"), value
    point = children(key[1])[1][1][1:]
    return Certificate(
        whole, name, point, serial[1], issuer[2], subject[2], begins, ends, extensions, signed, signature[1:]
    )


def digits(tag: int, text: bytes) -> str:
    """UTCTime or GeneralizedTime to the second."""
    said = text.decode("ascii")
    if not said.endswith("Z"):
        raise ValueError("time")
    return (("20" if said[:2] < "50" else "19") + said[:12]) if tag == 0x17 else said[:14]


def inside(data: bytes, depth: int) -> bytes:
    """Body of the first element, of the first element in it, and so on."""
    for _ in range(depth):
        data = children(data)[0][1]
    return data


def key_and_name(certificate: bytes) -> tuple[bytes, str]:
    """The public key's point, and the common name of the subject."""
    found = read_certificate(certificate)
    return found.point, found.name


def believed(certificate: Certificate, others: list[Certificate], anchors: list[Certificate], at: str) -> bool:
    """Does a path of signatures lead from the certificate to an anchor, everything valid at that moment?"""
    for _ in range(8):
        if not certificate.begins <= at <= certificate.ends:
            return False
        if any(certificate.whole == anchor.whole for anchor in anchors):
            return True
        issuers = [one for one in (*others, *anchors) if one.subject == certificate.issuer and authority(one)]
        above = next((one for one in issuers if verify_sm2(one.point, certificate.signature, certificate.signed)), None)
        if above is None:
            return False
        certificate = above
    return False


def authority(certificate: Certificate) -> bool:
    """May it sign certificates?"""
    _, value = certificate.extensions.get(BASIC_CONSTRAINTS, (False, b"\x30\x00"))
    return [one[1] for one in children(inside(value, 1))[:1]] == [b"\xff"]


# ---------------------------------------------------------------- the bag


class Problem(Exception):
    """What is wrong."""


def canonical(value: object) -> bytes:
    """The octets that were signed: JSON with sorted names and no blanks."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read_bag(path: str) -> dict[str, bytes]:
    """Path in the bag → content, without the one folder that everything stands in."""
    with zipfile.ZipFile(path) as archive:
        entries = [one for one in archive.infolist() if not one.filename.endswith("/")]
        names = [one.filename for one in entries]
        roots = {name.partition("/")[0] for name in names}
        if len(roots) != 1 or len(names) != len(set(names)) or sum(one.file_size for one in entries) > MOST:
            raise Problem("not one folder, a name twice, or far too large")
        if any(".." in name.split("/") or name.startswith("/") for name in names):
            raise Problem("a name that leaves the bag")
        return {one.filename.partition("/")[2]: archive.read(one) for one in entries}


def read_manifest(files: dict[str, bytes], name: str) -> dict[str, str]:
    """Path → digest."""
    if name not in files:
        raise Problem(name + " is missing")
    found: dict[str, str] = {}
    for line in files[name].decode().splitlines():
        value, _, path = line.partition("  ")
        path = path.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
        if not path or path in found:
            raise Problem(name + ": a line that is none")
        found[path] = value
    return found


def check_digests(files: dict[str, bytes]) -> None:
    """Every file stands in the manifests with its digest, and nothing else is there."""
    if not files.get("bagit.txt", b"").startswith(b"BagIt-Version: 1.0\n"):
        raise Problem("bagit.txt is missing or of another version")
    payload = {path for path in files if path.startswith("data/")}
    loose = {"signature.json", "signature.tsr", *(f"tagmanifest-{name}.txt" for name in ALGORITHMS)}
    for kind, expected in (("manifest", payload), ("tagmanifest", set(files) - payload - loose)):
        for algorithm in ALGORITHMS:
            name = f"{kind}-{algorithm}.txt"
            listed = read_manifest(files, name)
            for path in sorted(set(listed) | expected):
                if path not in files:
                    raise Problem(f"{path} is missing")
                if path not in listed:
                    raise Problem(f"{path} stands in no manifest")
                if digest(algorithm, files[path]) != listed[path]:
                    raise Problem(f"{path} is not what it was ({algorithm})")


def check_signature(files: dict[str, bytes]) -> tuple[str, str, dict[str, Any]]:
    """The publisher has signed the tag manifests; ``(name, SM3 of the certificate, payload)``."""
    if "signature.json" not in files:
        raise Problem("signature.json is missing")
    try:
        signed = json.loads(files["signature.json"])
        payload = signed["payload"]
        certificate = base64.b64decode(signed["certificates"][0])
        point, name = key_and_name(certificate)
        good = verify_sm2(point, base64.b64decode(signed["signature"]), canonical(payload))
        stated = payload["manifests"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise Problem("signature.json cannot be read") from error
    if not good or payload.get("format") != FORMAT:
        raise Problem("the signature does not hold")
    for algorithm in ALGORITHMS:
        path = f"tagmanifest-{algorithm}.txt"
        for other in ALGORITHMS:
            if stated.get(f"{path}/{other}") != digest(other, files[path]):
                raise Problem(f"{path} is not the one that was signed")
    return name, digest("sm3", certificate), payload


# ---------------------------------------------------------------- the time stamp (RFC 3161)


class Stamp(NamedTuple):
    """By when the bag had been signed, and who says so."""

    time: str
    authority: str
    fingerprint: str
    """SM3 of the authority's certificate."""


def check_stamp(files: dict[str, bytes], made: object) -> Stamp:
    """The time stamp is over ``signature.json``, of the moment the bag states, by an authority whom the trust bundle in
    the bag (which the publisher has signed with all the rest) names for time stamps.
    """
    if "signature.tsr" not in files:
        raise Problem("signature.tsr is missing")
    try:
        content, certificates, signer = open_token(files["signature.tsr"])
        info = children(inside(content, 1))
        algorithm, imprint = (one[1] for one in children(info[2][1]))
        if digest(DIGESTS[inside(algorithm, 1)], files["signature.json"]) != imprint.hex():
            raise Problem("the time stamp is one of something else")
        at = digits(info[4][0], info[4][1])
        named, anchors = trusted(files["data/evidence/trust-bundle.json"])
        found = check_signer(signer, content, [*certificates, *named])
        critical, usages = found.extensions.get(EXTENDED_KEY_USAGE, (False, b""))
        if not critical or [one[1] for one in children(inside(usages, 1))] != [TIME_STAMPING]:
            raise Problem("the time stamp is by a certificate that is not for time stamps")
        if not believed(found, [*certificates, *named], anchors, at):
            raise Problem("the time stamp is by an authority that the bag's trust bundle does not name")
        stamped = datetime.strptime(at, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)  # noqa: UP017 - Python 3.10
        stated = datetime.fromisoformat(str(made).replace("Z", "+00:00"))  # noqa: FURB162 - Python 3.10
        if not -EARLIER <= stamped - stated <= LATER:
            raise Problem("the time stamp is not of the moment the bag states")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise Problem("the time stamp cannot be read, or uses what this script does not know") from error
    return Stamp(stamped.isoformat().replace("+00:00", "Z"), found.name, digest("sm3", found.whole))


def open_token(token: bytes) -> tuple[bytes, list[Certificate], list[tuple[int, bytes, bytes]]]:
    """TSTInfo, the certificates that came with it, the fields of the one SignerInfo."""
    _, (_, wrapped, _) = children(inside(token, 1))
    _, _, (_, encapsulated, _), *optional, (_, signers, _) = children(inside(wrapped, 1))
    kind, (_, octets, _) = children(encapsulated)
    if kind[1] != TST_INFO:
        raise ValueError("not a time stamp")
    brought = [one for tag, body, _ in optional if tag == 0xA0 for _, _, one in children(body)]
    ((_, signer, _),) = children(signers)
    return inside(octets, 1), [read_certificate(one) for one in brought], children(signer)


def check_signer(
    signer: list[tuple[int, bytes, bytes]], content: bytes, certificates: list[Certificate]
) -> Certificate:
    """The certificate whose key signed the time stamp; raises ``Problem``."""
    _, who, algorithm, attributes, kind, (_, signature, _) = signer[:6]
    (_, _, issuer), (_, serial, _) = children(who[1])
    found = next((one for one in certificates if (one.issuer, one.serial) == (issuer, serial)), None)
    if found is None:
        raise Problem("the certificate of the time stamp's authority is missing")
    pairs = [children(one) for _, one, _ in children(attributes[1])]
    said = {oid[1]: values[1] for oid, values in pairs}
    if inside(said[CONTENT_TYPE], 1) != TST_INFO or not named_in(said, found):
        raise Problem("the time stamp does not name its content or its certificate")
    if inside(said[MESSAGE_DIGEST], 1).hex() != digest(DIGESTS[inside(algorithm[1], 1)], content):
        raise Problem("the time stamp is not what was signed")
    if inside(kind[1], 1) not in SM2_SIGNATURES:
        raise ValueError("not SM2")
    if not verify_sm2(found.point, signature, b"\x31" + attributes[2][1:]):
        raise Problem("the signature of the time stamp does not hold")
    return found


def named_in(said: dict[bytes, bytes], certificate: Certificate) -> bool:
    """Do the signed attributes name it by its digest (RFC 2634, RFC 5035)?"""
    for kind, usual in ((SIGNING_CERTIFICATE_V2, "sha256"), (SIGNING_CERTIFICATE, "sha1")):
        if kind in said:
            head, *rest = children(inside(said[kind], 3))
            algorithm, value = (DIGESTS[inside(head[1], 1)], rest[0][1]) if head[0] == 0x30 else (usual, head[1])
            return digest(algorithm, certificate.whole) == value.hex()
    return False


def trusted(bundle: bytes) -> tuple[list[Certificate], list[Certificate]]:
    """Authorities between, and anchors for time stamps, of the bag's trust bundle."""
    stated = json.loads(bundle)["payload"]
    named = [one["certificate"] for one in stated["anchors"] if "timestamp" in one["purposes"]]
    between, anchors = (
        [read_certificate(base64.b64decode(one)) for one in some] for some in (stated["intermediates"], named)
    )
    return between, anchors


class Sound(NamedTuple):
    """A bag in which all is as it was signed."""

    files: dict[str, bytes]
    publisher: str
    fingerprint: str
    """SM3 of the publisher's certificate."""
    stated: dict[str, Any]
    """What was signed."""
    stamp: Stamp


def verify(path: str) -> Sound:
    """Raises ``Problem``."""
    try:
        files = read_bag(path)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError) as error:
        raise Problem(f"not a ZIP that can be read: {error}") from error
    check_digests(files)
    name, fingerprint, stated = check_signature(files)
    return Sound(files, name, fingerprint, stated, check_stamp(files, stated.get("made")))


def line(value: object) -> str:
    """What whoever made the bag has written, so that it cannot write further lines, or over others."""
    return "".join(char if char.isprintable() else "?" for char in str(value))[:200]


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an archive bag")
    parser.add_argument("bag")
    parser.add_argument("--publisher", default="", help="SM3 of the certificate that must have signed, hex")
    asked = parser.parse_args()
    try:
        found = verify(asked.bag)
        if asked.publisher and asked.publisher.lower() != found.fingerprint:
            raise Problem("signed with another certificate: " + found.fingerprint)
    except Problem as problem:
        print("NOT SOUND:", line(problem))
        return 1
    print(f"SOUND: {len(found.files)} files")
    case, made, region = (line(found.stated.get(one)) for one in ("case", "made", "region"))
    print("case:", case, " made:", made, " region:", region)
    print("publisher:", line(found.publisher))
    print("certificate SM3:", found.fingerprint)
    print("time stamp:", found.stamp.time, "by", line(found.stamp.authority))
    print("authority SM3:", found.stamp.fingerprint)
    return 0


if __name__ == "__main__":
    sys.exit(main())
