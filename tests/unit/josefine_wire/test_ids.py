import pytest

from josefine_wire.ids import end_id, final_id, flush_id, flush_sequence, understanding_id

VARIANTS = ["", "base", "openai/whisper-small.en", "own@2"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("session_id", ["s", "caller@example.org", "s~0"])
def test_understanding_stands_beside_its_transcript(session_id, variant):
    suffix = f"@{variant}" if variant else ""
    assert final_id(session_id, 1, 3, variant) == f"{session_id}/1/3/final{suffix}"
    assert understanding_id(final_id(session_id, 1, 3, variant)) == f"{session_id}/1/3/nlu{suffix}"
    assert understanding_id(end_id(session_id, 1, variant)) == f"{session_id}/1/end/nlu{suffix}"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("session_id", ["s", "caller@example.org", "s~0"])
def test_the_id_of_an_answer_to_flush_tells_which(session_id, variant):
    suffix = f"@{variant}" if variant else ""
    assert flush_id(session_id, 1, 42, variant) == f"{session_id}/1/flush/42{suffix}"
    assert flush_sequence(flush_id(session_id, 1, 42, variant)) == 42
