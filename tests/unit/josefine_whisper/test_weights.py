import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from josefine_whisper.errors import CheckpointError
from josefine_whisper.model import Whisper
from josefine_whisper.weights import Checkpoint, read
from josefine_whisper.weights.checkpoint import every_later_head

CT2_MODULES = {
    "attention_norm": "self_attention/layer_norm",
    "attention.qkv": "self_attention/linear_0",
    "attention.out": "self_attention/linear_1",
    "cross_norm": "attention/layer_norm",
    "cross.query": "attention/linear_0",
    "cross.key_value": "attention/linear_1",
    "cross.out": "attention/linear_2",
    "mlp_norm": "ffn/layer_norm",
    "mlp.expand": "ffn/linear_0",
    "mlp.contract": "ffn/linear_1",
}
HF_MODULES = {
    "attention_norm": "self_attn_layer_norm",
    "attention.out": "self_attn.out_proj",
    "cross_norm": "encoder_attn_layer_norm",
    "cross.query": "encoder_attn.q_proj",
    "cross.out": "encoder_attn.out_proj",
    "mlp_norm": "final_layer_norm",
    "mlp.expand": "fc1",
    "mlp.contract": "fc2",
}
FUSED = {"attention.qkv": ("self_attn", "qkv"), "cross.key_value": ("encoder_attn", "kv")}
CT2_TYPES = {torch.float32: 0, torch.int8: 1, torch.int16: 2, torch.float16: 4, torch.bfloat16: 5}


def block_name(name):
    """Splits "encoder.blocks.3.mlp.expand.weight" into side, layer, module, field."""
    side, _, layer, rest = name.split(".", 3)
    module, field = rest.rsplit(".", 1)
    return side, layer, module, field


def ct2_name(name):
    if ".blocks." in name:
        side, layer, module, field = block_name(name)
        norm = {"weight": "gamma", "bias": "beta"}
        return f"{side}/layer_{layer}/{CT2_MODULES[module]}/{norm[field] if 'norm' in module else field}"
    known = {
        "encoder.positions": "encoder/position_encodings/encodings",
        "decoder.positions": "decoder/position_encodings/encodings",
        "decoder.embedding.weight": "decoder/embeddings/weight",
        "encoder.norm.weight": "encoder/layer_norm/gamma",
        "encoder.norm.bias": "encoder/layer_norm/beta",
        "decoder.norm.weight": "decoder/layer_norm/gamma",
        "decoder.norm.bias": "decoder/layer_norm/beta",
    }
    return known.get(name, name.replace(".", "/"))


def string(text):
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def ct2_variable(name, tensor):
    bits = tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor
    payload = bits.numpy().tobytes()
    shape = struct.pack(f"<B{tensor.dim()}I", tensor.dim(), *tensor.shape)
    return string(name) + shape + struct.pack("<BI", CT2_TYPES[tensor.dtype], len(payload)) + payload


def write_ct2(folder, checkpoint, dtype=torch.float32):
    variables = {}
    for name, tensor in checkpoint.tensors.items():
        if dtype is torch.int8 and tensor.dim() == 2 and "positions" not in name:
            scale = 127.0 / tensor.abs().amax(dim=1)
            variables[ct2_name(name)] = (tensor * scale[:, None]).round().to(torch.int8)
            variables[ct2_name(name) + "_scale"] = scale
        else:
            variables[ct2_name(name)] = tensor.to(torch.float32 if dtype is torch.int8 else dtype)
    for side in ("encoder", "decoder"):
        variables[f"{side}/num_heads"] = torch.tensor(checkpoint.dimensions.heads, dtype=torch.int16)
    body = b"".join(ct2_variable(name, tensor) for name, tensor in sorted(variables.items()))
    head = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    (folder / "model.bin").write_bytes(head + body + struct.pack("<I", 0))
    config = {
        "suppress_ids": checkpoint.suppressed,
        "suppress_ids_begin": checkpoint.suppressed_first,
        "alignment_heads": checkpoint.alignment_heads,
    }
    (folder / "config.json").write_text(json.dumps(config))


def hf_tensors(checkpoint):
    tensors = {}
    for name, tensor in checkpoint.tensors.items():
        if ".blocks." not in name:
            top = {"positions": "embed_positions.weight", "embedding.weight": "embed_tokens.weight"}
            side, _, rest = name.partition(".")
            tensors[f"model.{side}.{top.get(rest, rest.replace('norm.', 'layer_norm.'))}"] = tensor
            continue
        side, layer, module, field = block_name(name)
        prefix = f"model.{side}.layers.{layer}"
        if module not in FUSED:
            tensors[f"{prefix}.{HF_MODULES[module]}.{field}"] = tensor
            continue
        attention, parts = FUSED[module]
        for part, piece in zip(parts, tensor.chunk(len(parts)), strict=True):
            if (part, field) != ("k", "bias"):
                tensors[f"{prefix}.{attention}.{part}_proj.{field}"] = piece.contiguous()
    return tensors


def write_hf(folder, checkpoint, shards=1):
    names = list(tensors := hf_tensors(checkpoint))
    for shard in range(shards):
        file = "model.safetensors" if shards == 1 else f"model-0000{shard + 1}-of-0000{shards}.safetensors"
        save_file({name: tensors[name] for name in names[shard::shards]}, folder / file)
    sizes = checkpoint.dimensions
    config = {
        "num_mel_bins": sizes.mels,
        "d_model": sizes.width,
        "encoder_attention_heads": sizes.heads,
        "encoder_layers": sizes.encoder_layers,
        "decoder_layers": sizes.decoder_layers,
        "max_source_positions": sizes.encoder_positions,
        "max_target_positions": sizes.decoder_positions,
        "vocab_size": sizes.vocabulary,
        "suppress_tokens": checkpoint.suppressed,
        "begin_suppress_tokens": checkpoint.suppressed_first,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps({"alignment_heads": checkpoint.alignment_heads}))


@pytest.fixture(scope="session")
def published(checkpoint) -> Checkpoint:
    """As a published file has it: Whisper's keys have no bias."""
    tensors = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}
    for name, tensor in tensors.items():
        width = checkpoint.dimensions.width
        if name.endswith("attention.qkv.bias"):
            tensor[width : 2 * width] = 0
        if name.endswith("cross.key_value.bias"):
            tensor[:width] = 0
    fields = {name: getattr(checkpoint, name) for name in Checkpoint.__slots__}
    return Checkpoint(**{**fields, "tensors": tensors})


def assert_same(found, expected, atol=0.0):
    assert found.dimensions == expected.dimensions
    assert found.suppressed == expected.suppressed
    assert found.suppressed_first == expected.suppressed_first
    assert found.alignment_heads == expected.alignment_heads
    assert found.tensors.keys() == expected.tensors.keys()
    for name, tensor in expected.tensors.items():
        torch.testing.assert_close(found.tensors[name].float(), tensor, atol=atol, rtol=0.0, msg=name)


@pytest.mark.parametrize(
    ("dtype", "atol"), [(torch.float32, 0.0), (torch.float16, 2e-3), (torch.bfloat16, 1e-2), (torch.int8, 1e-2)]
)
def test_ctranslate2_in_every_type(tmp_path, published, dtype, atol):
    write_ct2(tmp_path, published, dtype)
    assert_same(read(tmp_path), published, atol)


@pytest.mark.parametrize("shards", [1, 2])
def test_safetensors_whole_and_in_shards(tmp_path, published, shards):
    write_hf(tmp_path, published, shards)
    assert_same(read(tmp_path), published)


def test_a_checkpoint_makes_a_model(tmp_path, published):
    write_hf(tmp_path, published)
    model = Whisper.from_checkpoint(read(tmp_path))
    assert not any(parameter.is_meta for parameter in model.parameters())


def test_alignment_heads_that_nobody_named(tmp_path, published):
    write_hf(tmp_path, published)
    (tmp_path / "generation_config.json").unlink()
    assert read(tmp_path).alignment_heads == ((1, 0), (1, 1)) == every_later_head(2, 2)


def test_a_folder_without_weights(tmp_path):
    with pytest.raises(CheckpointError, match="no Whisper checkpoint"):
        read(tmp_path)


@pytest.mark.parametrize("size", [0, 3, 40, 5000])
def test_a_model_that_was_cut_short(tmp_path, published, size):
    write_ct2(tmp_path, published)
    whole = (tmp_path / "model.bin").read_bytes()
    (tmp_path / "model.bin").write_bytes(whole[:size])
    with pytest.raises(CheckpointError, match=r"model\.bin"):
        read(tmp_path)


def test_a_model_of_another_kind(tmp_path):
    (tmp_path / "model.bin").write_bytes(struct.pack("<I", 6) + string("TransformerSpec") + bytes(8))
    with pytest.raises(CheckpointError, match="TransformerSpec"):
        read(tmp_path)


def test_a_safetensors_file_that_lacks_a_tensor(tmp_path, published):
    write_hf(tmp_path, published)
    save_file({"model.encoder.conv1.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="is missing"):
        read(tmp_path)


def test_a_broken_safetensors_file(tmp_path, published):
    write_hf(tmp_path, published)
    (tmp_path / "model.safetensors").write_bytes(np.random.default_rng(0).bytes(64))
    with pytest.raises(CheckpointError, match="not readable"):
        read(tmp_path)
