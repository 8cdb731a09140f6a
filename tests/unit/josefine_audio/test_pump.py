import threading

import pytest

from josefine_audio.pump import Pump, PumpStoppedError


def test_owner_and_body_take_turns() -> None:
    seen: list[str] = []

    def body() -> None:
        for number in range(3):
            seen.append(f"body {number}")
            pump.pause()

    pump = Pump(body, "test")
    while not pump.finished:
        pump.resume()
        seen.append("owner")
    assert seen == ["body 0", "owner", "body 1", "owner", "body 2", "owner", "owner"]


def test_the_owner_gets_the_error() -> None:
    def body() -> None:
        pump.pause()
        raise KeyError("lost")

    pump = Pump(body, "test")
    pump.resume()
    with pytest.raises(KeyError, match="lost"):
        pump.resume()
    assert pump.finished
    pump.resume()


@pytest.mark.parametrize("turns", [0, 1, 5])
def test_stop_ends_the_thread(turns: int) -> None:
    before, cleaned = threading.active_count(), []

    def body() -> None:
        try:
            while True:
                pump.pause()
        except PumpStoppedError:
            cleaned.append(True)
            raise

    pump = Pump(body, "test")
    for _ in range(turns):
        pump.resume()
    pump.stop()
    pump.stop()
    assert threading.active_count() == before
    assert cleaned == ([True] if turns else [])
