import pytest
import torch

from josefine_whisper import quantize
from josefine_whisper.quantize import Int8Linear

pytestmark = pytest.mark.skipif(not quantize.supported(), reason="int8 needs an x86 CPU")


@pytest.mark.parametrize("each_row", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_is_near_the_float_layer(each_row, bias):
    torch.manual_seed(0)
    layer = torch.nn.Linear(128, 64, bias=bias)
    x = torch.randn(2, 5, 128)
    expected = layer(x)
    error = (Int8Linear(layer, each_row=each_row)(x) - expected).norm() / expected.norm()
    assert error < 0.02


def test_a_row_does_not_depend_on_its_neighbours():
    torch.manual_seed(0)
    layer = Int8Linear(torch.nn.Linear(128, 64), each_row=True)
    x = torch.randn(6, 128) * torch.tensor([1e-3, 1.0, 1e3, 0.0, 5.0, 1.0])[:, None]
    alone = torch.cat([layer(row[None]) for row in x])
    assert torch.equal(layer(x), alone)


def test_channels_of_very_different_size_keep_their_precision():
    torch.manual_seed(0)
    layer = torch.nn.Linear(128, 2, bias=False)
    with torch.no_grad():
        layer.weight[1] *= 1e-4
    x = torch.randn(64, 128)
    expected = layer(x)[:, 1]
    error = (Int8Linear(layer, each_row=True)(x)[:, 1] - expected).norm() / expected.norm()
    assert error < 0.02


def test_the_model_keeps_its_embedding_and_loses_its_float_products(model):
    quantised = quantize.to_int8(model)
    assert not any(isinstance(module, torch.nn.Linear) for module in quantised.modules())
    assert quantised.decoder.embedding.weight.shape[0] == quantised.dimensions.vocabulary
