"""Linear layers with int8 weights on the CPU: one scale per output channel, activations quantised as they come."""

import torch
from torch import Tensor, nn

from josefine_whisper.errors import UnsupportedError
from josefine_whisper.model import Whisper


class Int8Linear(nn.Module):
    """y = x W^T + b with W in int8, x in float32 quantised on the fly (fbgemm; exact int32 sums).

    Args of the constructor: `each_row` gives every row of x its own scale, so that a row's result does not depend
    on the rows beside it. Without it one scale serves the call: cheaper, right where the rows are one window.
    """

    def __init__(self, linear: nn.Linear, *, each_row: bool) -> None:
        super().__init__()
        self._each_row = each_row
        self._exact = torch.cpu._is_vnni_supported()  # noqa: SLF001 - the only public way is parsing cpuinfo
        bias = None if linear.bias is None else linear.bias.detach().float()
        self._bias = bias
        self._packed = _pack(linear.weight.detach().float(), None if each_row else bias)

    def forward(self, x: Tensor) -> Tensor:
        if self._each_row:
            return self._forward_rows(x)
        result: Tensor = torch.ops.quantized.linear_dynamic(x, self._packed, reduce_range=not self._exact)
        return result

    def _forward_rows(self, x: Tensor) -> Tensor:
        # Without VNNI two products are summed in 16 bits: 7-bit activations keep that from saturating.
        steps = 127 if self._exact else 63
        scale = torch.linalg.vector_norm(x, float("inf"), dim=-1, keepdim=True).clamp_(min=1e-9)
        unit: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            x / scale, 1.0 / steps, steps + 1, self._packed
        )
        return unit.mul_(scale) if self._bias is None else torch.addcmul(self._bias, unit, scale, out=unit)


def supported() -> bool:
    """Returns whether this machine's torch runs int8 linears (x86 with fbgemm)."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def to_int8(model: Whisper) -> Whisper:
    """Returns the model with every linear layer in int8, convolutions and norms in float32; changes it in place.

    The token embedding keeps the file's type: its rows are looked up, not multiplied.

    Raises:
        UnsupportedError: Not an x86 machine.
    """
    if not supported():
        raise UnsupportedError("int8 needs an x86 CPU; use float32 or bfloat16 here")
    _replace(model.encoder, each_row=False)
    _replace(model.decoder, each_row=True)
    embedding = model.decoder.embedding.weight
    model.float()
    model.decoder.embedding.weight = nn.Parameter(embedding, requires_grad=False)
    return model


def _replace(module: nn.Module, *, each_row: bool) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            # The audio's keys and values are made window by window, like the encoder's own products.
            setattr(module, name, Int8Linear(child, each_row=each_row and name != "key_value"))
        else:
            _replace(child, each_row=each_row)


def _pack(weight: Tensor, bias: Tensor | None) -> object:
    scales = weight.abs().amax(dim=1).clamp_(min=1e-9).double() / 127.0
    zeros = torch.zeros(len(scales), dtype=torch.int64)
    quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
    packed: object = torch.ops.quantized.linear_prepack(quantised, bias)
    return packed
