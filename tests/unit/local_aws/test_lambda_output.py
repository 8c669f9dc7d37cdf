"""What a sandbox writes, taken apart into lines and frames."""

from __future__ import annotations

from include.local_aws.lambda_.output import split


def _frame(message: str, kind: int = 0x0F) -> bytes:
    body = message.encode()
    return b"\xa5\x5a\x00" + bytes([kind]) + len(body).to_bytes(4, "big") + bytes(8) + body


def test_lines_and_frames_come_in_their_order() -> None:
    written = b"printed\n" + _frame("two\nlines\n") + "é\n".encode() + _frame("last")
    assert split(written) == (["printed", "two\nlines", "é", "last"], b"")


def test_what_is_not_whole_waits_for_its_rest() -> None:
    frame = _frame("message")
    for cut in range(1, len(frame)):
        assert split(b"line\n" + frame[:cut]) == (["line"], frame[:cut])
    assert split(b"no end") == ([], b"no end")


def test_a_line_that_nothing_ends_stops_at_the_next_frame() -> None:
    assert split(b"no end" + _frame("message")) == (["no end", "message"], b"")
