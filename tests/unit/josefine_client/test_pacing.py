import io
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from josefine_client.pacing import (
    Mark,
    of_packets,
    of_samples,
    pieces_in_bytes,
    pieces_in_time,
    proportional,
)

SIZE = 4_000
packet_lists = st.lists(st.builds(Mark, st.integers(-1, SIZE + 10), st.floats(-0.1, 12, allow_nan=False)), max_size=80)


@given(packet_lists, st.floats(0.05, 3))
def test_pieces_hold_the_whole_file_in_growing_time(packets, piece_s):
    content = bytes(range(256)) * 16
    timeline = of_packets(packets, len(content), 10.0)

    pieces = list(pieces_in_time(io.BytesIO(content), timeline, piece_s))

    assert b"".join(piece.payload for piece in pieces) == content
    times = [piece.audio_s for piece in pieces]
    assert times == sorted(times)
    assert times[-1] == 10.0
    assert all(after - before >= piece_s - 1e-5 for before, after in pairwise(times[:-1]))


def test_raw_samples_are_cut_at_whole_samples_of_all_channels():
    second = 44_100 * 4
    timeline = of_samples(3 * second + 40, second, 4)

    assert all(mark.byte % 4 == 0 for mark in timeline.marks)
    assert timeline.duration_s == 3 + 40 / second
    pieces = list(pieces_in_time(io.BytesIO(bytes(3 * second + 40)), timeline, 0.2))
    assert {round(len(piece.payload) / second, 2) for piece in pieces[:-1]} <= {0.2, 0.21}


def test_a_piece_is_due_when_its_last_packet_is_complete():
    timeline = of_packets([Mark(44, 0.0), Mark(100, 0.25), Mark(300, 0.5), Mark(350, 0.75)], 400, 1.0)

    pieces = list(pieces_in_time(io.BytesIO(bytes(400)), timeline, 0.5))

    # The header goes with the first packets; bytes before 300 hold half a second.
    assert [(len(piece.payload), piece.audio_s) for piece in pieces] == [(300, 0.5), (100, 1.0)]


def test_packets_of_one_page_are_not_torn_apart():
    timeline = of_packets([Mark(0, 0.0), Mark(90, 0.5), Mark(90, 0.6), Mark(90, 0.7), Mark(200, 0.8)], 300, 1.0)

    assert timeline.marks == (Mark(90, 0.5), Mark(200, 0.8), Mark(300, 1.0))


@given(st.integers(1, 10_000), st.floats(0.001, 100))
def test_bytes_without_times_are_spread_evenly(total, duration_s):
    timeline = proportional(total, duration_s)

    assert timeline.marks[-1] == Mark(total, duration_s)
    assert all(abs(mark.byte / total - mark.second / duration_s) <= 1 / total + 1e-9 for mark in timeline.marks)


def test_equal_pieces_have_no_time():
    pieces = list(pieces_in_bytes(io.BytesIO(bytes(25)), 8))

    assert [(len(piece.payload), piece.audio_s) for piece in pieces] == [(8, 0.0), (8, 0.0), (8, 0.0), (1, 0.0)]
