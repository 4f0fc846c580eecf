"""Tells recorded speech from decoded speech by its complex spectrogram, at three scales."""

import torch
from torch import nn
from torch.nn import functional

_SIZES = (1024, 512, 256)


class _Scale(nn.Module):
    def __init__(self, size: int, channels: int):
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size))
        widths = [2, channels, channels, channels, channels]
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(nn.Conv2d(a, b, (5, 3), stride=(2, 1) if i else 1, padding=(2, 1)))
            for i, (a, b) in enumerate(zip(widths, widths[1:]))
        )
        self.out = nn.utils.parametrizations.weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, pcm: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        spectrum = torch.stft(pcm, self.size, self.size // 4, window=self.window, return_complex=True)
        # Compressed, so that the quiet parts count too.
        magnitude = spectrum.abs().clamp(min=1e-5)
        x = torch.view_as_real(spectrum / magnitude * magnitude.pow(0.3)).permute(0, 3, 1, 2)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.out(x), features


class Discriminator(nn.Module):
    def __init__(self, channels: int = 16):
        super().__init__()
        self.scales = nn.ModuleList(_Scale(size, channels) for size in _SIZES)

    def forward(self, pcm: torch.Tensor) -> list[tuple[torch.Tensor, list[torch.Tensor]]]:
        """@param pcm [B, samples]. @returns for each scale its verdict and its features."""
        return [scale(pcm) for scale in self.scales]


def discriminator_loss(real, made) -> torch.Tensor:
    """Hinge."""
    return sum(
        functional.relu(1 - a).mean() + functional.relu(1 + b).mean() for (a, _), (b, _) in zip(real, made)
    ) / len(real)


def generator_losses(real, made) -> tuple[torch.Tensor, torch.Tensor]:
    """How much the made is taken for made, and how far its features are from the real one's."""
    adversarial = sum(functional.relu(1 - verdict).mean() for verdict, _ in made) / len(made)
    matching = sum(
        (a - b.detach()).abs().mean() / b.detach().abs().mean().clamp(min=1e-4)
        for (_, mades), (_, reals) in zip(made, real)
        for a, b in zip(mades, reals)
    ) / sum(len(features) for _, features in real)
    return adversarial, matching
