"""In processes of their own: what is imported here stays imported for every other test."""

import subprocess
import sys

INSIDE_AND_AFTER = """
import sys
from josefine_nlu.torchless import torch_hidden
with torch_hidden():
    try:
        import torch
    except ImportError:
        print("hidden")
assert "torch" not in sys.modules
"""
ALREADY_THERE = """
import sys, types
sys.modules["torch"] = present = types.ModuleType("torch")
from josefine_nlu.torchless import torch_hidden
with torch_hidden():
    assert sys.modules["torch"] is present
assert sys.modules["torch"] is present
print("stayed")
"""


def output(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_torch_is_not_found_inside():
    assert output(INSIDE_AND_AFTER) == "hidden"


def test_a_torch_that_is_there_already_stays():
    assert output(ALREADY_THERE) == "stayed"
