import itertools

from hypothesis import given
from hypothesis import strategies as st

from deskwire.protocol.framing import text_frame
from deskwire.server.masking import Masking


def masked(payload: bytes) -> bytes:
    """A screen's text frame; the key is zero, so the payload stays as it is."""
    frame = text_frame(payload)
    header = frame[: len(frame) - len(payload)]
    return bytes((header[0], header[1] | 0x80)) + header[2:] + bytes(4) + payload


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


payloads = st.lists(
    st.binary(max_size=200) | st.integers(0, 70_000).map(lambda n: b"\x81\x05" * (n // 2)),
    max_size=5,
)


@given(payloads, st.lists(st.integers(0, 200_000), max_size=30))
def test_masked_frames_pass_in_whatever_pieces(sent: list[bytes], cuts: list[int]) -> None:
    masking = Masking()

    assert all(map(masking.holds, pieces(b"".join(map(masked, sent)), cuts)))


@given(payloads, st.binary(max_size=200), st.lists(st.integers(0, 200_000), max_size=30))
def test_one_unmasked_frame_is_seen_wherever_it_comes(
    sent: list[bytes], bare: bytes, cuts: list[int]
) -> None:
    masking = Masking()
    data = b"".join(map(masked, sent)) + text_frame(bare)

    assert not all(map(masking.holds, pieces(data, cuts)))
