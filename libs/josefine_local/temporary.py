"""Run folders of stacks that live for one call: made, and removed after whoever could not do it himself."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from josefine_local.file_lock import holder, try_lock
from josefine_local.paths import RunDir
from josefine_local.state import end_orphans, read_state

PREFIX: Final = "josefine-"


def new_folder() -> RunDir:
    """Returns a run folder of its own."""
    return RunDir(Path(tempfile.mkdtemp(prefix=PREFIX)))


def remove_leftovers() -> None:
    """Removes the folders of stacks whose process was killed: of this user, with a lock that nobody holds."""
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        folder = RunDir(root)
        if _is_ours(folder) and (lock := try_lock(folder.lock_file)) is not None:
            if (state := read_state(folder.state_file)) is not None:
                end_orphans(state)
            shutil.rmtree(root, ignore_errors=True)
            os.close(lock)


def _is_ours(folder: RunDir) -> bool:
    """Returns whether a stack of this user has locked the folder: then there is a pid in its lock file.

    A stack that has made the file and not yet locked it is about to, and must get the lock.
    """
    try:
        owner = folder.root.lstat().st_uid
        return owner == os.getuid() and not folder.root.is_symlink() and holder(folder.lock_file).isdigit()
    except (OSError, ValueError):
        return False
