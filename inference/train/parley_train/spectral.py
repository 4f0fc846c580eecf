"""How far apart two sounds are to the ear: log-mel and spectral convergence at five scales."""

import torch
from torch import nn

from .scale import SAMPLE_RATE_HZ

_SCALES = ((2048, 80), (1024, 80), (512, 64), (256, 32), (128, 16))


class SpectralLoss(nn.Module):
    def __init__(self):
        super().__init__()
        for index, (size, mels) in enumerate(_SCALES):
            self.register_buffer(f"window{index}", torch.hann_window(size))
            self.register_buffer(f"mel{index}", mel_filters(size, mels))

    def forward(self, made: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, samples] each. @returns the mean over the scales of log-mel L1, and of spectral convergence."""
        log_mel = convergence = 0.0
        for index, (size, _) in enumerate(_SCALES):
            a, b = (self._magnitude(pcm, index, size) for pcm in (made, wanted))
            filters = getattr(self, f"mel{index}")
            mel_a, mel_b = filters @ a, filters @ b
            log_mel = log_mel + (mel_a.clamp(min=1e-4).log() - mel_b.clamp(min=1e-4).log()).abs().mean()
            convergence = convergence + (a - b).norm() / b.norm().clamp(min=1e-3)
        return log_mel / len(_SCALES), convergence / len(_SCALES)

    def _magnitude(self, pcm: torch.Tensor, index: int, size: int) -> torch.Tensor:
        window = getattr(self, f"window{index}")
        spectrum = torch.stft(pcm, size, size // 4, window=window, return_complex=True)
        return (spectrum.real.square() + spectrum.imag.square()).clamp(min=1e-9).sqrt()


def mel_filters(size: int, mels: int) -> torch.Tensor:
    """Triangles on the mel scale (O'Shaughnessy 1987), each of unit sum: [mels, size / 2 + 1]."""

    def to_mel(hz):
        return 2595 * torch.log10(1 + torch.as_tensor(hz) / 700)

    edges_hz = 700 * (10 ** (torch.linspace(to_mel(0.0), to_mel(SAMPLE_RATE_HZ / 2), mels + 2) / 2595) - 1)
    bins_hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, size // 2 + 1)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising, falling = (bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)
    filters = torch.minimum(rising, falling).clamp(min=0)
    return filters / filters.sum(1, keepdim=True).clamp(min=1e-6)
