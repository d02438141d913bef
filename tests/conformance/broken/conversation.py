"""Wrong on an open socket: what is said, and how it is framed."""

import json

import msgspec

from deskwire.model.access import Grant
from deskwire.model.instant import Instant
from deskwire.model.problems import Malformed, Refused, UnknownEvent
from deskwire.protocol.base import server_session
from deskwire.protocol.base.codec import ClientMessage, decode_client_message
from deskwire.protocol.base.server_session import Effect, ServerSession
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.token_bucket import TokenBucket
from deskwire.protocol.websocket.parser import FrameParser, Received
from deskwire.server.websocket import connection as server_connection
from deskwire.server.websocket import endpoint as monitor
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.session_registry import SessionRegistry, Socket
from tests.conformance.broken.variant import Patch, breaks, closes, errors, offers


@breaks("4.1")
def closes_at_bad_json(patch: Patch) -> None:
    def count(self: ServerSession, _: Instant) -> list[Effect]:
        return self.end(CloseCode.POLICY, "malformed")

    patch.setattr(ServerSession, "_count_malformed", count)


@breaks("4.2")
@breaks("4.4")
def says_nothing_to_what_is_malformed(patch: Patch) -> None:
    errors(patch, "malformed", None)


@breaks("4.3")
def says_nothing_to_an_unknown_event(patch: Patch) -> None:
    errors(patch, "unknown_event", None)


@breaks("4.5")
def allows_no_unknown_key(patch: Patch) -> None:
    def decode(text: str) -> ClientMessage:
        request = decode_client_message(text)
        if set(json.loads(text)) - {"event", "args"}:
            raise Malformed("unknown keys")
        return request

    patch.setattr(server_session, "decode_client_message", decode)


@breaks("4.6")
def does_not_trim(patch: Patch) -> None:
    def decode(text: str) -> ClientMessage:
        request = decode_client_message(text)
        event = json.loads(text)["event"]
        if event != event.strip():
            raise UnknownEvent("no such event")
        return request

    patch.setattr(server_session, "decode_client_message", decode)


@breaks("4.7")
def endures_any_amount_of_nonsense(patch: Patch) -> None:
    patch.setattr(ServerSession, "_count_malformed", lambda *_: [])


@breaks("3.15")
@breaks("4.8")
def takes_no_note_of_binary(patch: Patch) -> None:
    original = monitor.SocketSession.close

    def close(self: monitor.SocketSession, code: CloseCode, reason: str) -> None:
        if code != CloseCode.UNSUPPORTED:
            original(self, code, reason)

    patch.setattr(monitor.SocketSession, "close", close)


@breaks("4.9")
def reads_a_megabyte(patch: Patch) -> None:
    patch.setattr(monitor, "MAX_MESSAGE", 1 << 20)


@breaks("4.10")
def closes_at_a_second_auth(patch: Patch) -> None:
    def second(self: ServerSession, *_: object) -> list[Effect]:
        return self.end(CloseCode.AUTH_FAILED, "twice")

    patch.setattr(ServerSession, "_authenticate_again", second)


@breaks("4.11")
def does_not_look_at_a_second_auth(patch: Patch) -> None:
    patch.setattr(ServerSession, "_authenticate_again", lambda *_: [])


@breaks("9.8")
def lengthens_a_session_by_a_second_auth(patch: Patch) -> None:
    def second(self: ServerSession, token: str, now: Instant, grant: Grant) -> list[Effect]:
        try:
            deadline = self._verify(token, now).deadline
        except Refused:
            return []
        self._grant = msgspec.structs.replace(grant, deadline=deadline)
        return []

    patch.setattr(ServerSession, "_authenticate_again", second)


@breaks("4.12")
def lets_two_sockets_share_a_token(patch: Patch) -> None:
    original = SessionRegistry.authenticate

    def authenticate(self: SessionRegistry, socket: Socket, grant: Grant) -> bool:
        for other, known in self._grants.items():
            self._grants[other] = msgspec.structs.replace(known, token="forgotten")
        return original(self, socket, grant)

    patch.setattr(SessionRegistry, "authenticate", authenticate)


@breaks("4.14")
def answers_pings_without_their_payload(patch: Patch) -> None:
    original = Connection.pong

    def pong(self: Connection, _: bytes) -> None:
        original(self, b"")

    patch.setattr(Connection, "pong", pong)


@breaks("4.15")
def answers_a_farewell_with_another(patch: Patch) -> None:
    closes(patch, 1000, 1001)


@breaks("4.16")
def waits_a_minute_for_a_farewell(patch: Patch) -> None:
    patch.setattr(server_connection, "CLOSE_TIMEOUT", 60)


@breaks("7.8")
def takes_commands_without_end(patch: Patch) -> None:
    patch.setattr(TokenBucket, "take", lambda *_: True)


@breaks("7.8")
def says_so_of_each_command_it_drops(patch: Patch) -> None:
    patch.setattr(server_session, "EPISODE_GAP", 0)


@breaks("7.9")
def never_forgives_an_excess(patch: Patch) -> None:
    original = TokenBucket.take
    over: list[TokenBucket] = []

    def take(self: TokenBucket, now: float) -> bool:
        if self in over or not original(self, now):  # type: ignore[arg-type]
            over.append(self)
            return False
        return True

    patch.setattr(TokenBucket, "take", take)


# ---- frames --------------------------------------------------------------------------------------


@breaks("4.17")
def reads_no_fragments(patch: Patch) -> None:
    first_bytes(patch, lambda first: 0xC1 if first == 0x01 else first)


@breaks("5.1")
def reads_what_is_not_masked(patch: Patch) -> None:
    original = FrameParser.feed

    def feed(self: FrameParser, data: bytes) -> list[Received]:
        if data and not data[1] & 0x80:
            data = bytes([data[0], data[1] | 0x80]) + bytes(4) + data[2:]
        return original(self, data)

    patch.setattr(FrameParser, "feed", feed)


@breaks("5.2")
def takes_no_note_of_reserved_bits(patch: Patch) -> None:
    first_bytes(patch, lambda first: first & 0x8F)


@breaks("5.3")
def takes_no_note_of_reserved_opcodes(patch: Patch) -> None:
    first_bytes(patch, lambda first: 0x8A if first & 0x0F in (3, 7, 11, 15) else first)


@breaks("5.4")
def lets_control_frames_be_long(patch: Patch) -> None:
    first_bytes(patch, lambda first: 0x82 if first & 0x0F == 9 else first)
    takes_no_note_of_binary(patch)


@breaks("5.5")
def lets_a_message_begin_in_its_middle(patch: Patch) -> None:
    first_bytes(patch, lambda first: 0x81 if first == 0x80 else first)


@breaks("5.6")
def says_1000_to_bad_text(patch: Patch) -> None:
    closes(patch, 1007, 1000)


@breaks("5.7")
def says_1000_to_an_immense_frame(patch: Patch) -> None:
    closes(patch, 1009, 1000)


@breaks("5.8")
def says_1000_to_a_bad_close(patch: Patch) -> None:
    closes(patch, 1002, 1000)


@breaks("5.9")
def sets_a_reserved_bit(patch: Patch) -> None:
    offers(patch, lambda _, frame: bytes([frame[0] | 0x40]) + frame[1:])


def first_bytes(patch: Patch, change: object) -> None:
    """Read a frame as if its first byte were another."""
    original = FrameParser.feed
    assert callable(change)

    def feed(self: FrameParser, data: bytes) -> list[Received]:
        return original(self, bytes(map(change, data[:1])) + data[1:])

    patch.setattr(FrameParser, "feed", feed)
