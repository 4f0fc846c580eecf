"""The small Mimi: Kyutai's modules at our dimensions, and what makes it train."""

import torch
from moshi.models import MimiModel
from moshi.models.loaders import get_mimi
from moshi.modules.conv import StreamingConv1d, StreamingConvTranspose1d

FRAME_SAMPLES = 1920


def new_codec(config: dict) -> MimiModel:
    return get_mimi(None, config, num_codebooks=config["quantizer"]["n_q"])


@torch.no_grad()
def scale_to_unit_variance(codec: MimiModel, pcm: torch.Tensor) -> None:
    """
    Scales every convolution once so that its output of a real batch has unit variance (less on residual branches, and
    as loud as speech at the end): with PyTorch's own initial weights the signal dies layer by layer.

    @param pcm [B, 1, samples], speech.
    """

    def hook(target: float):
        def rescale(module, _inputs, output):
            factor = target / output.std().clamp(min=1e-6)
            for inner in module.modules():
                if isinstance(inner, (torch.nn.Conv1d, torch.nn.ConvTranspose1d)):
                    inner.weight.mul_(factor)
                    if inner.bias is not None:
                        inner.bias.zero_()
            return output * factor

        return rescale

    handles = []
    for name, module in codec.named_modules():
        if not isinstance(module, (StreamingConv1d, StreamingConvTranspose1d)):
            continue
        target = 0.3 if ".block.3" in name else 1.0
        if name.startswith("decoder.") and name == _last_conv(codec):
            target = 0.07
        handles.append(module.register_forward_hook(hook(target)))
    codec.train()
    latent = codec._encode_to_unquantized_latent(pcm)
    for transform in (codec.quantizer.rvq_first, codec.quantizer.rvq_rest):
        factor = 1 / transform.input_proj(latent).std()
        transform.input_proj.weight.mul_(factor)
        projected = transform.output_proj(transform.input_proj(latent))
        transform.output_proj.weight.mul_(0.7 / projected.std())
    through = codec.quantizer.rvq_first.output_proj(codec.quantizer.rvq_first.input_proj(latent))
    through = through + codec.quantizer.rvq_rest.output_proj(codec.quantizer.rvq_rest.input_proj(latent))
    upsampled = codec._to_encoder_framerate(through)
    (decoded,) = codec.decoder_transformer(upsampled)
    codec.decoder(decoded)
    for handle in handles:
        handle.remove()


def _last_conv(codec: MimiModel) -> str:
    return [f"decoder.{name}" for name, m in codec.decoder.named_modules() if isinstance(m, StreamingConv1d)][-1]
