"""A tiny client of the sharing service: one file, Python's standard library and the `openssl` program (3.0 or later).

    from licence_trust_client import Client

    client = Client("http://localhost:8000", client_id="sys-…", key_file="key.pem")      # SM2 or P-256 private key
    answer = client.ask("licence", {"licence_id": "1.2.156…"}, purpose)
    answer["outcome"], answer["result"]

It fetches a token with `private_key_jwt`, signs every request after RFC 9421, and keeps each signed answer, octet for
octet, in ``client.last``: keep that file, it can be checked offline with `licence-trust share check-answer`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refused(Exception):
    """The service said no: ``status`` and ``problem`` (with a stable ``code``)."""

    def __init__(self, status: int, problem: dict[str, str]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail') or problem.get('error_description')}")
        self.status, self.problem = status, problem


class Client:
    """One system's way to one region."""

    def __init__(self, base_url: str, client_id: str, key_file: str, scope: str = "") -> None:
        self.base_url, self.client_id, self.key_file, self.scope = base_url.rstrip("/"), client_id, key_file, scope
        spki = _openssl("pkey", "-in", key_file, "-pubout", "-outform", "DER")
        self.sm2 = bytes.fromhex("06082a811ccf5501822d") in spki
        self.key_id = _text(hashlib.sha256(spki).digest())[:32]
        described = json.loads(_send(f"{self.base_url}/.well-known/oauth-authorization-server"))
        self.region, self.token_endpoint = described["licence_trust_region"], described["token_endpoint"]
        self.last = b""
        self._token, self._until = "", 0.0

    def ask(self, operation: str, parameters: dict[str, object], purpose: dict[str, str]) -> dict[str, object]:
        """The answer's payload; the signed octets stay in ``last``."""
        whole = {"purpose": {"system": self.client_id, **purpose}, **parameters}
        body = json.dumps(whole, ensure_ascii=False).encode()
        self.last = self.send("POST", f"/api/v1/sharing/{operation}", body)
        payload: dict[str, object] = json.loads(self.last)["payload"]
        return payload

    def send(self, method: str, path: str, body: bytes = b"") -> bytes:
        """One signed request."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        covered = ["@method", "@path", "authorization"]
        lines = {"@method": method, "@path": path, "authorization": headers["Authorization"]}
        if body:
            headers["Content-Type"] = "application/json"
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            headers["Content-Digest"] = lines["content-digest"] = f"sha-256=:{digest}:"
            covered.append("content-digest")
        names = " ".join(f'"{name}"' for name in covered)
        algorithm = "x-sm2-sm3" if self.sm2 else "ecdsa-p256-sha256"
        parameters = (
            f'({names});created={int(time.time())};nonce="{secrets.token_urlsafe(24)}";keyid="{self.key_id}"'
            f';alg="{algorithm}";tag="licence-trust/sharing:{self.region}"'
        )
        base = "\n".join([*(f'"{name}": {lines[name]}' for name in covered), f'"@signature-params": {parameters}'])
        headers["Signature-Input"] = f"s={parameters}"
        headers["Signature"] = f"s=:{base64.b64encode(self._sign(base.encode())).decode()}:"
        return _send(self.base_url + path, body, headers, method)

    def token(self) -> str:
        """An access token, renewed in time."""
        if time.time() > self._until - 30:
            header = {"alg": "x-sm2-sm3" if self.sm2 else "ES256", "kid": self.key_id, "typ": "JWT"}
            now = int(time.time())
            claims = {"iss": self.client_id, "sub": self.client_id, "aud": f"urn:licence-trust:region:{self.region}",
                      "iat": now, "exp": now + 120, "jti": secrets.token_urlsafe(24)}  # fmt: skip
            signed = ".".join(_text(json.dumps(part).encode()) for part in (header, claims))
            assertion = f"{signed}.{_text(self._sign(signed.encode()))}"
            form = {"grant_type": "client_credentials", "client_assertion_type": BEARER, "client_assertion": assertion}
            form |= {"scope": self.scope} if self.scope else {}
            address = self.base_url + urlsplit(self.token_endpoint).path
            told = json.loads(_send(address, urlencode(form).encode(), method="POST"))
            self._token, self._until = told["access_token"], time.time() + told["expires_in"]
        return self._token

    def _sign(self, data: bytes) -> bytes:
        """64 octets r ‖ s, made by openssl."""
        digest = ["-digest", "sm3", "-pkeyopt", "distid:1234567812345678"] if self.sm2 else ["-digest", "sha256"]
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return _raw(_openssl("pkeyutl", "-sign", "-rawin", *digest, "-inkey", self.key_file, "-in", file.name))


def access_key_headers(
    region: str, access_key: str, secret: str, path: str, body: bytes, method: str = "POST"
) -> dict[str, str]:
    """The headers of AK/SK mode, for systems that can make no signature."""
    import hmac

    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    nonce, digest = secrets.token_urlsafe(24), hashlib.new("sm3", body).hexdigest()
    canonical = f"{method}\n{path}\n\n{region}\n{stamp}\n{nonce}\n{digest}".encode()
    value = hmac.new(bytes.fromhex(secret), canonical, lambda data=b"": hashlib.new("sm3", data)).hexdigest()
    return {"X-LT-Access-Key": access_key, "X-LT-Timestamp": stamp, "X-LT-Nonce": nonce, "X-LT-Signature": value}


def _send(url: str, body: bytes = b"", headers: dict[str, str] | None = None, method: str = "GET") -> bytes:
    request = urllib.request.Request(url, body or None, headers or {}, method=method)  # noqa: S310 - as configured
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            data: bytes = response.read()
            return data
    except urllib.error.HTTPError as error:
        raise Refused(error.code, json.loads(error.read() or b"{}")) from None


def _openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def _raw(der: bytes) -> bytes:
    """r ‖ s from DER SEQUENCE{INTEGER r, INTEGER s}."""
    middle = 4 + der[3]
    r, s = der[4:middle], der[middle + 2 :]
    return int.from_bytes(r, "big").to_bytes(32, "big") + int.from_bytes(s, "big").to_bytes(32, "big")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
