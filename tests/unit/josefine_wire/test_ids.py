import pytest

from josefine_wire.ids import end_id, final_id, understanding_id

VARIANTS = ["", "base", "openai/whisper-small.en", "own@2"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("session_id", ["s", "caller@example.org", "s~0"])
def test_understanding_stands_beside_its_transcript(session_id, variant):
    suffix = f"@{variant}" if variant else ""
    assert final_id(session_id, 1, 3, variant) == f"{session_id}/1/3/final{suffix}"
    assert understanding_id(final_id(session_id, 1, 3, variant)) == f"{session_id}/1/3/nlu{suffix}"
    assert understanding_id(end_id(session_id, 1, variant)) == f"{session_id}/1/end/nlu{suffix}"
