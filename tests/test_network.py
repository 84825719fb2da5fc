"""The guard of ``tests/network.py`` guards."""

from __future__ import annotations

import socket

import pytest

from tests.network import NetworkForbidden


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.invalid", 443)])
def test_another_machine_is_out_of_reach(address: tuple[str, int]) -> None:
    with socket.socket() as out, pytest.raises(NetworkForbidden):
        out.connect(address)


def test_localhost_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
