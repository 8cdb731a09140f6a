import sys
from pathlib import Path

# Audio is made by the same functions as in the tests of the audio library.
sys.path.append(str(Path(__file__).parents[1] / "josefine_audio"))
