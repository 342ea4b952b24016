"""Whisper's English vocabulary and mel filters, from the package `openai-whisper`, and a model's file in ggml's format."""

import base64
import pathlib
import struct
from importlib.util import find_spec

import numpy as np

ASSETS = pathlib.Path(find_spec("whisper").origin).parent / "assets"
END, START, PREVIOUS, NOBODY, NO_TIMESTAMPS = 50256, 50257, 50360, 50361, 50362
# With all special tokens and times.
TOKENS = 51864
MELS = 80


def tokens():
    """The bytes of each token that stands for text."""
    lines = (ASSETS / "gpt2.tiktoken").read_bytes().split(b"\n")
    ranks = {int(rank): base64.b64decode(token) for token, rank in (line.split() for line in lines if line)}
    return [ranks[n] for n in range(len(ranks))]


def filters():
    """80 bands by 201 frequencies, 40 Hz apart, for 16 kHz."""
    with np.load(ASSETS / "mel_filters.npz") as file:
        return file["mel_80"].astype(np.float32)


class Tokeniser:
    """Words cut as whisper.cpp cuts a prompt: at spaces and apostrophes, and then the longest token first."""

    def __init__(self):
        self.known = {token: n for n, token in enumerate(tokens())}

    def __call__(self, text):
        found = []
        for word in text.split():
            stem, apostrophe, rest = word.partition("'")
            for piece in filter(None, (b" " + stem.encode(), (apostrophe + rest).encode())):
                while piece:
                    length = next(n for n in range(len(piece), 0, -1) if piece[:n] in self.known)
                    found.append(self.known[piece[:length]])
                    piece = piece[length:]
        return found


def eight_bits(matrix):
    """ggml's q8_0: for 32 numbers of a row a scale, and each as a multiple of it."""
    rows = np.ascontiguousarray(matrix, np.float32).reshape(-1, 32)
    scale = np.abs(rows).max(1) / 127
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
    made = np.empty(len(rows), [("scale", "<f2"), ("level", "i1", 32)])
    made["scale"], made["level"] = scale, np.round(rows * inverse[:, None])
    return made.tobytes()


def write(path, tensors, shape, exact=False):
    """`tensors` by Whisper's names. Matrices become 8 bits (16 when `exact`), the two convolutions 16, the rest 32. `shape` is
    (width, heads, layers that hear, layers that write, positions of sound, positions of text)."""
    width, heads, hears, writes, sounds, texts = shape
    with open(path, "wb") as file:
        number = lambda *all: file.write(struct.pack(f"<{len(all)}i", *all))
        number(0x67676D6C, TOKENS, sounds, width, heads, hears, texts, width, heads, writes, MELS, 1 if exact else 2007)
        bands = filters()
        number(*bands.shape)
        file.write(bands.astype("<f4").tobytes())
        words = tokens()
        number(len(words))
        for word in words:
            file.write(struct.pack("<i", len(word)) + word)
        for name, value in tensors.items():
            if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
                value = value.reshape(-1, 1)
            is_matrix = name.endswith("weight") and value.ndim == 2
            is_half = name.endswith("weight") and (value.ndim == 3 or (is_matrix and exact))
            number(value.ndim, len(name), 1 if is_half else 8 if is_matrix else 0, *value.shape[::-1])
            data = value.astype("<f2" if is_half else "<f4").tobytes() if is_half or not is_matrix else eight_bits(value)
            file.write(name.encode() + data)
