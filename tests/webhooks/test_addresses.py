"""Which addresses are dialed: no trick of spelling, of names or of answers leads inside."""

import asyncio
import socket
from ipaddress import ip_network

import pytest

from tests.webhooks.receiver import receiving
from webhooks.http import client as http
from webhooks.http.addresses import Forbidden, Guard
from webhooks.http.client import Answer, Client

LOOPBACK = [ip_network("127.0.0.0/8")]
PUBLIC = "93.184.215.14"


def post(url: str, *, allowed=(), deadline: float = 3, headers=None) -> Answer:
    async def run() -> Answer:
        client = Client(allowed, agent="test", deadline=deadline)
        try:
            return await client.post(url, b"{}", headers or {})
        finally:
            await client.close()

    return asyncio.run(run())


@pytest.fixture
def names(monkeypatch):
    """Answer for names as the test says, one answer after the other; numbers answer for
    themselves.
    """
    answers: dict[str, list[list[str]]] = {}
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        asked.append(host)
        if host not in answers:
            return real(host, port, *args, **kwargs)
        found = answers[host]
        addresses = found.pop(0) if len(found) > 1 else found[0]
        return [line for each in addresses for line in real(each, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    answers["asked"] = asked
    return answers


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
        *("127.0.0.1", "127.1.2.3", "169.254.169.254", "169.254.170.2", "172.16.0.1"),
        *("172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1"),
        *("192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"),
        *("::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        *("64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1"),
        *("2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1"),
        *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
        *(
            "localhost",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "",
            "1.1.1.1.",
            "1.1.1.1 ",
        ),
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    with pytest.raises(Forbidden):
        Guard((), is_tls=True).vet(address, 443)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", PUBLIC, "100.63.255.255", "172.32.0.1", "::ffff:1.1.1.1", "2606:4700::1111"],
)
def test_a_public_address_passes_by_tls_only(address):
    Guard((), is_tls=True).vet(address, 443)
    with pytest.raises(Forbidden):
        Guard((), is_tls=False).vet(address, 80)


@pytest.mark.parametrize("port", [1, 22, 25, 53, 110, 143, 389, 445, 587, 993, 1023])
def test_ports_of_other_services_are_refused(port):
    with pytest.raises(Forbidden):
        Guard((), is_tls=True).vet(PUBLIC, port)


def test_a_network_of_the_operators_may_be_called_on_any_port_without_tls():
    guard = Guard([ip_network("10.1.0.0/16"), ip_network("fd00::/8")], is_tls=False)

    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"):
        guard.vet(address, 25)
    for address in ("10.2.0.1", "127.0.0.1", PUBLIC, "169.254.169.254"):
        with pytest.raises(Forbidden):
            guard.vet(address, 25)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1"),
        *("127.1", "127.0.1", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]"),
        *("[0:0:0:0:0:ffff:7f00:1]", "localhost", "LOCALHOST", "localhost.", "127.0.0.1."),
        *("①②⑦.⓪.⓪.①", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "127。0。0。1", "127%2e0%2e0%2e1", "%6c%6f%63alhost"),
        *("169.254.169.254", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_spelling_of_an_internal_address_is_dialed(monkeypatch, scheme, host):
    dialed = []
    monkeypatch.setattr(socket.socket, "connect", lambda *args: dialed.append(args))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *args: dialed.append(args))

    with receiving() as receiver:
        answer = post(f"{scheme}://{host}:{receiver.server_address[1]}/hooks")
        assert receiver.heard == []

    assert answer.status is None
    assert answer.error in ("address_forbidden", "bad_address", "name_not_found")
    assert dialed == []


def test_a_name_with_one_internal_address_among_public_ones_is_refused(names):
    names["mixed.example"] = [[PUBLIC, "10.0.0.1"]]

    assert post("https://mixed.example/").error == "address_forbidden"


def test_a_name_that_changes_its_mind_is_dialed_where_it_was_vetted(names, monkeypatch):
    """The second answer, which leads inside, is never asked for."""
    names["rebinding.example"] = [[PUBLIC], ["127.0.0.1"]]
    dialed = []

    async def dial(addr_infos, *, socket_factory, **_):
        for info in addr_infos:
            socket_factory(info).close()
            dialed.append(info[4][0])
        raise OSError("nobody there")

    monkeypatch.setattr("aiohappyeyeballs.start_connection", dial)

    assert post("https://rebinding.example/").error == "connection_failed"
    assert names["asked"] == ["rebinding.example"]
    assert set(dialed) == {PUBLIC}


def test_what_a_name_answers_is_vetted_at_each_connection(names):
    names["turning.example"] = [["127.0.0.1"], ["169.254.169.254"]]

    with receiving() as receiver:
        url = f"http://turning.example:{receiver.server_address[1]}/"
        assert post(url, allowed=LOOPBACK).status == 200
        assert post(url, allowed=LOOPBACK).error == "address_forbidden"


def test_the_dialed_address_is_vetted_even_if_resolving_let_it_pass(names, monkeypatch):
    names["sly.example"] = [["127.0.0.1"]]
    monkeypatch.setattr(Guard, "vet", _once_blind(Guard.vet))

    assert post("https://sly.example/").error == "address_forbidden"


def _once_blind(vet):
    calls = []

    def blind(self, host, port):
        calls.append(host)
        if len(calls) > 1:
            vet(self, host, port)

    return blind


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/", "file:///etc/passwd"],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status, target):
    with receiving() as receiver:
        receiver.says(status, Location=target)
        answer = post(receiver.url, allowed=LOOPBACK)

    assert (answer.status, answer.is_success) == (status, False)
    assert len(receiver.heard) == 1


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(receiver.url, allowed=LOOPBACK).status == 200
        assert proxy.heard == []


def test_a_name_nobody_knows_is_a_failure(names, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert post("https://nowhere.example/").error == "name_not_found"


def test_a_name_whose_servers_are_slow_ends_with_the_deadline(monkeypatch):
    import threading

    held = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: held.wait(20) or [])

    answer = post("https://slow.example/", deadline=0.3)
    held.set()

    assert answer.error == "timeout"


def test_a_certificate_that_nobody_signed_is_refused(tmp_path):
    import ssl
    import subprocess
    import threading

    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        plain, _ = server.accept()
        try:
            context.wrap_socket(plain, server_side=True).recv(100)
        except OSError:
            plain.close()

    threading.Thread(target=serve, daemon=True).start()

    answer = post(f"https://127.0.0.1:{server.getsockname()[1]}/", allowed=LOOPBACK)

    server.close()
    assert answer.error == "tls_failed"


@pytest.mark.parametrize("text", ["10.0.0.0/99", "internal", "10.0.0.1/8"])
def test_a_bad_network_in_the_settings_is_loud(text):
    from django.core.exceptions import ImproperlyConfigured

    from growth.settings import _networks

    with pytest.raises(ImproperlyConfigured, match="WEBHOOK_ALLOW_NETS"):
        _networks([text])


def test_the_deadline_is_fifteen_seconds():
    assert http.DEADLINE == 15
