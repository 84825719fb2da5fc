"""Verify an archive bag (BagIt, RFC 8493) with nothing but this file and Python 3.10 or newer.

    python3 verify_bag.py bag.zip                      every file against both manifests, then the signature
    python3 verify_bag.py bag.zip --publisher 3f9a…    ... and that it was signed with this certificate (its SM3)

Says "SOUND" and ends with 0, or names what is wrong and ends with 1. No network, no service, no library: SM3
(GB/T 32905) and the checking of SM2 signatures (GB/T 32918) are written out below. Who the publisher is, you must know
from elsewhere: compare the certificate's SM3 that is printed with the one the authority has made public.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import zipfile
import zlib
from typing import Any

FORMAT = "licence-trust/archive-bag/1"
MOST = 4 << 30
ALGORITHMS = ("sha256", "sm3")

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
    """Is ``signature`` (DER r, s) by the key ``point`` (04 ‖ X ‖ Y) over ``data``?"""
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if len(point) != 65 or point[0] != 4 or (y * y - x * x * x - A * x - B) % P:
        return False
    r, s = (int.from_bytes(body, "big") for tag, body, _ in children(children(signature)[0][1]))
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


def key_and_name(certificate: bytes) -> tuple[bytes, str]:
    """The public key's point, and the common name of the subject."""
    fields = children(children(children(certificate)[0][1])[0][1])
    if fields[0][0] == 0xA0:
        fields = fields[1:]
    subject, key = fields[4][1], fields[5][1]
    point = children(key)[1][1][1:]
    name = ""
    for _, relative, _ in children(subject):
        for _, pair, _ in children(relative):
            oid, text = children(pair)
            if oid[1] == b"\x55\x04\x03":
                name = text[1].decode("utf-8", "replace")
    return point, name


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
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Problem("signature.json cannot be read") from error
    if not good or payload.get("format") != FORMAT:
        raise Problem("the signature does not hold")
    for algorithm in ALGORITHMS:
        path = f"tagmanifest-{algorithm}.txt"
        for other in ALGORITHMS:
            if stated.get(f"{path}/{other}") != digest(other, files[path]):
                raise Problem(f"{path} is not the one that was signed")
    return name, digest("sm3", certificate), payload


def verify(path: str) -> tuple[dict[str, bytes], str, str, dict[str, Any]]:
    """``(files, publisher's name, SM3 of the certificate, what was signed)``; raises ``Problem``."""
    try:
        files = read_bag(path)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError) as error:
        raise Problem(f"not a ZIP that can be read: {error}") from error
    check_digests(files)
    return (files, *check_signature(files))


def line(value: object) -> str:
    """What whoever made the bag has written, so that it cannot write further lines, or over others."""
    return "".join(char if char.isprintable() else "?" for char in str(value))[:200]


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an archive bag")
    parser.add_argument("bag")
    parser.add_argument("--publisher", default="", help="SM3 of the certificate that must have signed, hex")
    asked = parser.parse_args()
    try:
        files, name, fingerprint, payload = verify(asked.bag)
        if asked.publisher and asked.publisher.lower() != fingerprint:
            raise Problem("signed with another certificate: " + fingerprint)
    except Problem as problem:
        print("NOT SOUND:", line(problem))
        return 1
    print(f"SOUND: {len(files)} files")
    case, made, region = (line(payload.get(one)) for one in ("case", "made", "region"))
    print("case:", case, " made:", made, " region:", region)
    print("publisher:", line(name))
    print("certificate SM3:", fingerprint)
    return 0


if __name__ == "__main__":
    sys.exit(main())
