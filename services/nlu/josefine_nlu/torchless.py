"""Keeps torch out of a process that has no use for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_hidden() -> Iterator[None]:
    """Imports inside this context find no torch.

    spaCy's thinc imports torch wherever it is installed. This pipeline runs on thinc's own kernels, and beside
    a service that has torch in the same environment the import would cost 440 MB and 3 seconds for nothing.
    """
    if "torch" in sys.modules:
        yield
        return
    # The import system takes None for "not there".
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]
