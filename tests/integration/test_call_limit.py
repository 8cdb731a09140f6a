"""A call into the Kafka client that never returns."""

import subprocess
import sys

PROGRAM = """
import threading
from josefine_kafka import call_limit
call_limit.GRACE_S = 0.1
limit = call_limit.CallLimit(0.1)
with limit.on("do what is quick"):
    pass
with limit.on("commit the transaction"):
    threading.Event().wait()
"""


def test_it_ends_the_process_with_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("josefine: commit the transaction: the Kafka client has not returned")
