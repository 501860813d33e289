"""The convolution as numpy writes it: the judge of the reference executor, with which it shares nothing."""

import numpy as np


def convolve(u, k, boundary, center=0, pre_gate=None, post_gate=None, skip=None):
    """y[B, H, L] in f64, term by term over the taps."""
    x = u.astype(np.float64)
    if pre_gate is not None:
        x = x * pre_gate
    length = x.shape[-1]
    y = np.zeros_like(x)
    for j, taps in enumerate(k.astype(np.float64).T):
        lag = j - (center or 0)
        if boundary == "circular":
            shifted = np.roll(x, lag, -1)
        else:
            shifted = np.zeros_like(x)
            if 0 <= lag < length:
                shifted[..., lag:] = x[..., : length - lag]
            elif -length < lag < 0:
                shifted[..., :lag] = x[..., -lag:]
        y += taps[:, None] * shifted
    if skip is not None:
        y += skip[:, None] * x
    return y if post_gate is None else y * post_gate


def relative_error(x, reference):
    return np.linalg.norm(x - reference) / np.linalg.norm(reference)
