"""SMTP over real sockets: what became of a mail depends on how far it came."""

from collections.abc import Iterable, Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured

from contacts.mail.envelopes import Envelope, Parcel
from contacts.mail.fates import Fate
from contacts.mail.transport import Relay, RelayDown, parse_url
from tests import smtp_sink
from tests.smtp_sink import Sink

MESSAGE = b"Subject: Hi\r\n\r\n.one dot\r\n..two dots\r\nend\r\n"
MODES = {
    "421": Fate.DEFERRED,
    "450": Fate.DEFERRED,
    "550": Fate.NO_SUCH_RECIPIENT,
    "policy": Fate.REFUSED,
    "554-data": Fate.REFUSED,
    "451-dot": Fate.DEFERRED,
    "554-dot": Fate.REFUSED,
    "drop-before-dot": Fate.DEFERRED,
    "drop-after-dot": Fate.UNKNOWN,
    "slow": Fate.ACCEPTED,
}


@pytest.fixture(params=[("PIPELINING",), ("8BITMIME",)], ids=["pipelined", "in-turn"])
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with smtp_sink.running(extensions=request.param) as sink:
        yield sink


@pytest.fixture
def relay(sink: Sink) -> Iterator[Relay]:
    relay = Relay(sink.url, timeout=2, dot_timeout=2)
    yield relay
    relay.close()


def parcels_for(addresses: Iterable[str]) -> list[Parcel]:
    return [Parcel(Envelope("from@example.com", address), MESSAGE) for address in addresses]


def send(relay: Relay, recipient: str) -> Fate:
    return relay.send(Envelope("from@example.com", recipient), MESSAGE).fate


def test_a_message_arrives_as_it_was_written(relay, sink):
    verdict = relay.send(Envelope("from@example.com", "to@example.com"), MESSAGE)

    assert (verdict.fate, verdict.reply) == (Fate.ACCEPTED, "250 Taken")
    [received] = sink.received
    assert received.data == MESSAGE
    assert (received.sender, received.recipient) == ("from@example.com", "to@example.com")


@pytest.mark.parametrize(("mode", "fate"), MODES.items())
def test_each_failure_has_its_fate_and_the_next_mail_goes_on(relay, sink, mode, fate):
    assert send(relay, f"{mode}+a@example.com") == fate
    assert send(relay, "after@example.com") == Fate.ACCEPTED
    assert sink.recipients[-1] == "after@example.com"


@pytest.mark.parametrize("mode", MODES)
def test_mails_in_a_row_have_their_own_fates(relay, sink, mode):
    addresses = ["a@example.com", f"{mode}+b@example.com", "c@example.com", "d@example.com"]

    fates = [verdict.fate for verdict in relay.hand_over(parcels_for(addresses))]

    assert fates == [Fate.ACCEPTED, MODES[mode], Fate.ACCEPTED, Fate.ACCEPTED]
    taken = mode in ("slow", "drop-after-dot")
    assert sink.recipients == (addresses if taken else [addresses[0], *addresses[2:]])
    assert {each.data for each in sink.received} == {MESSAGE}


def test_where_it_is_allowed_the_next_mail_is_announced_with_the_end_of_each(relay, sink):
    fates = [each.fate for each in relay.hand_over(parcels_for(["a@x.com", "b@x.com"]))]

    assert fates == [Fate.ACCEPTED] * 2
    envelope = b"MAIL FROM:<from@example.com>\r\nRCPT TO:<b@x.com>\r\nDATA\r\n"
    is_allowed = "PIPELINING" in sink.extensions
    assert sink.ahead == [envelope if is_allowed else b"", b""]


def test_whoever_stops_listening_hands_nothing_more_over(relay, sink):
    verdicts = relay.hand_over(parcels_for(["a@example.com", "b@example.com", "c@example.com"]))

    assert next(verdicts).fate == Fate.ACCEPTED
    verdicts.close()

    assert send(relay, "after@example.com") == Fate.ACCEPTED
    assert sink.recipients == ["a@example.com", "after@example.com"]


def test_what_fails_while_the_server_thinks_ends_the_connection(relay, sink):
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(relay.hand_over(parcels_for(["a@example.com", "b@example.com"]), fail))

    assert not relay.is_open
    assert send(relay, "after@example.com") == Fate.ACCEPTED
    assert "b@example.com" not in sink.recipients


def test_a_server_that_hears_nothing_ahead_gets_one_mail_after_the_other():
    addresses = [f"{number}@example.com" for number in range(4)]
    with smtp_sink.running(is_hasty=True) as sink:
        relay = Relay(sink.url, timeout=0.2, dot_timeout=2)
        fates = [verdict.fate for verdict in relay.hand_over(parcels_for(addresses))]
        relay.close()

    assert fates == [Fate.ACCEPTED] * 4
    assert sink.recipients == addresses
    assert sink.connections == 2


@pytest.mark.parametrize(
    ("size", "fate"),
    [
        pytest.param(8_000_000, Fate.DEFERRED, id="its-end-was-not-written"),
        pytest.param(100, Fate.UNKNOWN, id="all-of-it-was-on-its-way"),
    ],
)
def test_a_connection_lost_in_the_message(relay, size, fate):
    envelope = Envelope("from@example.com", "drop-in-message+a@example.com")

    assert relay.send(envelope, b"Subject: Hi\r\n\r\n" + b"x" * size).fate == fate


def test_the_connection_is_reused(relay, sink):
    for number in range(5):
        send(relay, f"person-{number}@example.com")
        send(relay, f"550+{number}@example.com")

    assert sink.connections == 1
    assert len(sink.received) == 5


def test_a_connection_that_the_server_left_is_made_anew(relay, sink, monkeypatch):
    send(relay, "first@example.com")
    relay._smtp.sock.shutdown(2)  # As the server does when nothing came for a while.
    relay._used_at -= 5

    assert send(relay, "second@example.com") == Fate.ACCEPTED
    assert sink.connections == 2


def test_an_idle_connection_is_closed(relay, sink):
    send(relay, "first@example.com")
    relay.close_if_idle()
    assert relay._smtp is not None

    relay._used_at -= 60
    relay.close_if_idle()

    assert relay._smtp is None
    assert sink.commands[-1] == "quit"


def test_an_answer_that_takes_too_long_leaves_a_doubt(sink):
    relay = Relay(sink.url, timeout=2, dot_timeout=0.05)

    assert send(relay, "slow+a@example.com") == Fate.UNKNOWN


def test_a_server_that_is_not_there_takes_nothing(sink):
    relay = Relay("smtp://127.0.0.1:1", timeout=1)

    with pytest.raises(RelayDown):
        relay.open()
    with pytest.raises(RelayDown):
        send(relay, "to@example.com")


def test_a_server_that_greets_with_a_refusal_takes_nothing():
    with (
        smtp_sink.running(greeting=b"421 Too busy") as sink,
        pytest.raises(RelayDown, match="421 Too busy"),
    ):
        Relay(sink.url, timeout=1).open()


def test_a_server_without_encryption_is_refused_where_it_is_demanded(sink):
    with pytest.raises(RelayDown, match="STARTTLS"):
        Relay(sink.url.replace("smtp://", "smtp+tls://"), timeout=1).open()


@pytest.fixture(params=["smtp+tls", "smtps"])
def encrypted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A sink that is trusted, and to which nothing is said in the clear."""
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp_sink.CERTIFICATE))
    offers = ("PIPELINING",) if request.param == "smtps" else ("PIPELINING", "STARTTLS")
    with smtp_sink.running(extensions=offers, is_encrypted=request.param == "smtps") as sink:
        yield sink


def test_mails_take_one_round_trip_each_on_an_encrypted_line_too(encrypted):
    relay = Relay(encrypted.encrypted_url, timeout=2, dot_timeout=2)
    large = b"Subject: Hi\r\n\r\n" + b"A line of a long mail.\r\n" * 20_000
    addresses = ["a@x.com", "550+b@x.com", "450+c@x.com", "554-dot+d@x.com", "e@x.com"]
    parcels = [Parcel(Envelope("from@example.com", each), large) for each in addresses]

    fates = [verdict.fate for verdict in relay.hand_over(parcels)]
    relay.close()

    assert fates == [
        Fate.ACCEPTED,
        Fate.NO_SUCH_RECIPIENT,
        Fate.DEFERRED,
        Fate.REFUSED,
        Fate.ACCEPTED,
    ]
    assert encrypted.recipients == ["a@x.com", "e@x.com"]
    assert encrypted.received[0].data == large
    assert encrypted.connections == 1
    assert any(encrypted.ahead)


@pytest.mark.parametrize("mode", ["drop-before-dot", "drop-after-dot"])
def test_an_encrypted_line_that_breaks_leaves_the_doubt_of_any_other(encrypted, mode):
    relay = Relay(encrypted.encrypted_url, timeout=2, dot_timeout=2)
    parcels = parcels_for([f"{mode}+a@x.com", "b@x.com"])

    fates = [verdict.fate for verdict in relay.hand_over(parcels)]
    relay.close()

    doubt = Fate.UNKNOWN if mode == "drop-after-dot" else Fate.DEFERRED
    assert fates == [doubt, Fate.ACCEPTED]
    assert encrypted.connections == 2


def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(encrypted, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(RelayDown, match="CERTIFICATE_VERIFY_FAILED"):
        Relay(encrypted.encrypted_url, timeout=2).open()
    assert not [command for command in encrypted.commands if command.startswith("MAIL")]


@pytest.mark.parametrize("address", ["a@x.com\r\nRCPT TO:<b@x.com>", "a@x.com>\r\n<b@x.com"])
def test_an_address_cannot_add_a_command(relay, sink, address):
    send(relay, address)

    assert sum(command.upper().startswith("RCPT") for command in sink.commands) == 1


def test_the_url_names_the_server():
    server = parse_url("smtp+tls://us%40er:p%2Fw@mail.example.com")

    assert (server.host, server.port) == ("mail.example.com", 587)
    assert (server.user, server.password) == ("us@er", "p/w")
    assert parse_url("smtps://mail.example.com").port == 465
    assert parse_url("smtp://localhost:2525").port == 2525


@pytest.mark.parametrize("url", ["http://x", "", "smtp://host:port", "mail.example.com"])
def test_a_url_that_names_no_server_is_refused_aloud(url):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        parse_url(url)
