"""What a real child process loads in tests instead of Whisper: a model that does what its windows say."""

import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

from josefine_inference.child import Loaded
from josefine_inference.hypothesis import Hypothesis, WordHypothesis

SPEAK, DIE, HANG, REFUSE, RAISE, DIE_ONCE = range(6)
"""What a window asks the scripted model to do: the value of its first column."""
MELS = 4


class ScriptedModel:
    """Does what its windows say, in the real child."""

    mels = MELS
    multilingual = False

    def transcribe(self, requests, language="en"):
        return [self._answer(request, language) for request in requests]

    def _answer(self, request, language):
        match int(request.log_mel[0, 0]):
            case 1:
                os.kill(os.getpid(), signal.SIGKILL)
            case 2:
                threading.Event().wait()
            case 3:
                raise ValueError("a language that nobody speaks")
            case 4:
                raise RuntimeError("device lost")
            case 5:
                flag = Path(os.environ["JOSEFINE_TEST_DIED"])
                if not flag.exists():
                    flag.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
        text = f"{language}:{len(request.log_mel)}:{int(request.log_mel[-1, -1])}"
        word = WordHypothesis(text, 0.0, 0.1, 0.5)
        return Hypothesis(" ".join([*request.prefix, text]), (word,), -0.1, 0.0, 1.0, 1)


def load(name, *, device, dtype, threads):
    """Returns the scripted model; some names cannot be loaded, some take for ever."""
    if name.startswith("broken"):
        raise OSError("no such weights")
    if name.startswith("deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("slow"):
        threading.Event().wait()
    print("libraries print", flush=True)  # noqa: T201 - it must not reach the parent's output
    return Loaded(ScriptedModel(), SimpleNamespace)
