"""Children come and go; the parent stays as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PARENT = Path(__file__).with_name("fifty_children.py")
MOST_GROWTH_BYTES = 8 * 1024 * 1024
"""0.18 MB a restart: far below anything that a child brings with it, above what the allocator does by itself."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc shows"),
]


def test_fifty_children_leave_nothing_behind():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.run([sys.executable, str(PARENT)], env=environment, stdout=subprocess.PIPE, check=True)
    told = json.loads(parent.stdout.splitlines()[-1])
    assert told["restarts"] == 50
    assert told["after"] == told["before"]
    assert (told["before"]["slots"], told["before"]["zombies"]) == (1, 0)
    assert told["grown_bytes"] < MOST_GROWTH_BYTES
