"""The real deepgram-sdk against the real gateway."""

import pytest
from deepgram import DeepgramClient, DeepgramClientEnvironment
from deepgram.types.listen_v1response import ListenV1Response


@pytest.fixture
def deepgram(gateway):
    """A client that changed nothing but its URLs."""
    environment = DeepgramClientEnvironment(
        base=gateway.url, production=gateway.ws_url, agent=gateway.ws_url, agent_rest=gateway.url
    )
    return DeepgramClient(api_key="any", environment=environment, max_retries=0)


def test_a_recording_is_answered_as_the_client_wants_it(deepgram, sample_path):
    audio = sample_path("jfk.flac").read_bytes()
    answer = deepgram.listen.v1.media.transcribe_file(request=audio, smart_format=True)
    ListenV1Response.model_validate(answer.dict())
    assert "ask not what your country can do for you" in answer.results.channels[0].alternatives[0].transcript
