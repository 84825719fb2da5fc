"""A mail server for tests: takes what it is sent, or answers as it is told to."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class MailServer:
    """What came, and what to answer."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refuse_recipients: int = 0
    """Answer RCPT with this status."""
    refuse_messages: int = 0
    """Answer the message with this status."""
    tls: ssl.SSLContext | None = None
    """Offer STARTTLS."""


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """Serve on a free port of localhost until the block ends."""
    found = MailServer(tls=tls)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _converse(self, found)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _converse(handler: socketserver.StreamRequestHandler, server: MailServer) -> None:
    reader, writer = handler.rfile, handler.wfile
    secret = None

    def say(text: str) -> None:
        writer.write(text.encode() + b"\r\n")
        writer.flush()

    say("220 test")
    while line := reader.readline():
        word, _, rest = line.decode("latin-1").strip().partition(" ")
        match word.upper():
            case "EHLO" | "HELO":
                offers = ["AUTH PLAIN"] if secret or not server.tls else ["STARTTLS"]
                say("250-test\r\n250 " + offers[0])
            case "STARTTLS" if server.tls:
                say("220 go ahead")
                secret = server.tls.wrap_socket(handler.connection, server_side=True)
                reader, writer = secret.makefile("rb"), secret.makefile("wb")
            case "AUTH":
                server.logins.append(base64.b64decode(rest.split()[1]).decode())
                say("235 welcome")
            case "MAIL":
                say("250 ok")
            case "RCPT":
                if server.refuse_recipients:
                    say(f"{server.refuse_recipients} no")
                    continue
                server.recipients.append(rest.partition(":")[2].strip("<>"))
                say("250 ok")
            case "DATA":
                say("354 go on")
                lines = []
                while (line := reader.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                if server.refuse_messages:
                    say(f"{server.refuse_messages} no")
                    continue
                server.messages.append(message_from_bytes(b"".join(lines), policy=default))
                say("250 kept")
            case "QUIT":
                say("221 bye")
                break
            case _:
                say("250 ok")
    if secret is not None:
        secret.close()
