"""A Whisper of random weights with a tokenizer of single bytes: everything but the sense of the text."""

from copy import deepcopy

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from josefine_whisper.model import Whisper
from josefine_whisper.tokenizer import WhisperTokenizer
from josefine_whisper.weights import Checkpoint, Dimensions

CONTROL_TOKENS = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|ja|>",
    "<|transcribe|>",
    "<|nospeech|>",
    "<|notimestamps|>",
    "<|startofprev|>",
]


@pytest.fixture(scope="session")
def raw_tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name) for name in CONTROL_TOKENS])
    return tokenizer


@pytest.fixture(scope="session")
def tokenizer(raw_tokenizer) -> WhisperTokenizer:
    return WhisperTokenizer(raw_tokenizer)


@pytest.fixture(scope="session")
def dimensions(raw_tokenizer) -> Dimensions:
    return Dimensions(
        mels=4,
        width=128,
        heads=2,
        encoder_layers=1,
        decoder_layers=2,
        encoder_positions=1500,
        decoder_positions=448,
        vocabulary=raw_tokenizer.get_vocab_size(),
    )


@pytest.fixture(scope="session")
def checkpoint(dimensions) -> Checkpoint:
    generator = torch.Generator().manual_seed(7)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in Whisper(dimensions).state_dict().items()}
    tensors = {
        name: torch.randn(shape, generator=generator) * (0.3 if len(shape) > 1 else 0.1)
        for name, shape in shapes.items()
        if name != "decoder.projection.weight"
    }
    for name in tensors:
        if name.endswith("norm.weight"):
            tensors[name] += 1.0
    return Checkpoint(
        dimensions=dimensions,
        tensors=tensors,
        suppressed=(0, 1),
        suppressed_first=(2, 256),
        alignment_heads=((0, 1), (1, 0)),
    )


@pytest.fixture
def model(checkpoint) -> Whisper:
    """A model whose weights a test may change."""
    return Whisper.from_checkpoint(deepcopy(checkpoint))


@pytest.fixture
def curt_model(model) -> Whisper:
    """Ends the text as soon as it may."""
    model.decoder.projection.weight[256] = 1.0
    model.decoder.norm.bias += 10.0
    return model
