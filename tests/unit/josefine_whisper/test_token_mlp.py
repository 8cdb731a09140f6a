"""What a token gives does not depend on the tokens beside it, nor the rest of the process on what decodes."""

import numpy as np
import pytest
import torch

from josefine_whisper import Engine, Request, quantize
from josefine_whisper.model import TokenMlp

ROWS, NUMBERS = 1003, 128
"""More numbers than one thread takes, which shares of several threads cut in the middle of a register."""


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=[True, False])
def onednn(request):
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = request.param
    yield request.param
    torch.backends.mkldnn.enabled = before


@pytest.mark.parametrize("onednn", [False], indirect=True)
def test_a_token_gives_the_same_bytes_whatever_is_beside_it(threads, onednn):
    mlp = TokenMlp(NUMBERS // 4)
    mlp.expand = mlp.contract = torch.nn.Identity()
    x = torch.randn(ROWS, 1, NUMBERS, generator=torch.Generator().manual_seed(1))
    alone = torch.cat([mlp(row[None].clone()) for row in x])
    assert torch.equal(mlp(x.clone()), alone)
    torch.testing.assert_close(alone, torch.nn.functional.gelu(x))


def test_onednn_is_off_in_a_decode_on_x86_and_as_it_was_behind_it(model, tokenizer, checkpoint, onednn, monkeypatch):
    engine, seen = Engine(model, tokenizer, checkpoint, name="random"), []
    choose = engine._decoder._choose

    def looking(*args, **options):
        seen.append(torch.backends.mkldnn.enabled)
        return choose(*args, **options)

    monkeypatch.setattr(engine._decoder, "_choose", looking)
    engine.transcribe([Request(np.zeros((40, 4), np.float16))])
    assert set(seen) == {onednn and not quantize.supported()}
    assert torch.backends.mkldnn.enabled is onednn


def test_onednn_is_as_it_was_after_a_decode_that_failed(model, tokenizer, checkpoint, onednn, monkeypatch):
    engine = Engine(model, tokenizer, checkpoint, name="random")
    monkeypatch.setattr(engine._decoder, "_decode_batch", lambda jobs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engine.transcribe([Request(np.zeros((40, 4), np.float16))])
    assert torch.backends.mkldnn.enabled is onednn
