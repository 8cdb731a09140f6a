"""A call into the Kafka client that never returns."""

import subprocess
import sys

import pytest

PROGRAM = """
import threading
from josefine_kafka import call_limit
call_limit.GRACE_S = call_limit.PATIENCE_S = 0.1
call_limit.ASK_AFTER_S = {ask_after_s}
limit = call_limit.CallLimit({seconds}, lambda: {answered})
for _ in range(3):
    with limit.on("do what is quick"):
        threading.Event().wait(0.45)
with limit.on("commit the transaction"):
    threading.Event().wait({takes_s})
"""


def ended(**case: object) -> "subprocess.CompletedProcess[str]":
    program = PROGRAM.format(**case)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ({"seconds": 0.6, "answered": False}, "the Kafka client has not returned after 1 s"),
        ({"seconds": 0.6, "answered": "threading.Event().wait()"}, "the Kafka client has not returned after 1 s"),
        ({"seconds": 1000, "answered": True}, "the broker answers, but the Kafka client does not return"),
    ],
    ids=["too long", "too long, and who asks waits too", "the broker answers others"],
)
def test_it_ends_the_process_with_one_line(case: dict[str, object], why: str) -> None:
    done = ended(**case, ask_after_s=0.5, takes_s=None)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"josefine: commit the transaction: {why}")


@pytest.mark.parametrize(
    "case",
    [{"answered": False, "ask_after_s": 0.5}, {"answered": True, "ask_after_s": 1000}],
    ids=["no answer", "early"],
)
def test_a_call_that_returns_ends_nothing(case: dict[str, object]) -> None:
    done = ended(**case, seconds=1000, takes_s=1.5)
    assert (done.returncode, done.stderr) == (0, "")
