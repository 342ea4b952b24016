"""Whisper's network in JAX, as small as it may be, with the names that its files have."""

import jax
import jax.numpy as jnp
import numpy as np

import vocabulary

RATE = 8000
WIDTH, HEADS, HEARS, WRITES = 96, 3, 3, 2
# Positions of text in the file; training uses the first few.
TEXTS = 32


def sines(count, width):
    step = np.exp(-np.log(10000) / (width // 2 - 1) * np.arange(width // 2))
    angle = np.arange(count)[:, None] * step
    return np.concatenate([np.sin(angle), np.cos(angle)], 1).astype(np.float32)


PLACES = jnp.asarray(sines(1500, WIDTH))


def begin(rng, words, phones):
    """`words` rows of tokens, the last of which stands for every token that is not used; `phones` includes the blank."""
    made = {}

    def linear(name, out, into, bias=True, scale=1.0):
        made[name + ".weight"] = rng.normal(0, scale / np.sqrt(into), (out, into))
        if bias:
            made[name + ".bias"] = np.zeros(out)

    def norm(name):
        made[name + ".weight"], made[name + ".bias"] = np.ones(WIDTH), np.zeros(WIDTH)

    def block(name, kinds):
        for kind in kinds:
            norm(f"{name}.{kind}_ln")
            for part in ("query", "key", "value", "out"):
                linear(f"{name}.{kind}.{part}", WIDTH, WIDTH, part != "key", 0.5 if part == "out" else 1.0)
        norm(f"{name}.mlp_ln")
        linear(f"{name}.mlp.0", 4 * WIDTH, WIDTH)
        linear(f"{name}.mlp.2", WIDTH, 4 * WIDTH, scale=0.5)

    for layer, into in ((1, vocabulary.MELS), (2, WIDTH)):
        made[f"encoder.conv{layer}.weight"] = rng.normal(0, 1 / np.sqrt(3 * into), (WIDTH, into, 3))
        made[f"encoder.conv{layer}.bias"] = np.zeros(WIDTH)
    for n in range(HEARS):
        block(f"encoder.blocks.{n}", ["attn"])
    norm("encoder.ln_post")
    for n in range(WRITES):
        block(f"decoder.blocks.{n}", ["attn", "cross_attn"])
    norm("decoder.ln")
    made["decoder.token_embedding.weight"] = rng.normal(0, 0.06, (words, WIDTH))
    made["decoder.positional_embedding"] = rng.normal(0, 0.02, (TEXTS, WIDTH))
    # Only for training: what is spoken, sound by sound.
    linear("phones", phones, WIDTH)
    return {name: jnp.asarray(value, jnp.float32) for name, value in made.items()}


def _mel_matrices():
    # At 8 kHz, a window of 25 ms: what 400 samples at 16 kHz hold below 4 kHz, a quarter of its power.
    time = np.arange(200)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / 200)
    angle = 2 * np.pi * np.outer(time, np.arange(101)) / 200
    return jnp.asarray(window[:, None] * np.cos(angle) * 2, jnp.float32), jnp.asarray(window[:, None] * np.sin(angle) * 2, jnp.float32)


COSINES, SINES = _mel_matrices()
BANDS = jnp.asarray(vocabulary.filters())
# Rounding to 16 bits, in every one of the 201 frequencies.
ROUNDING = 1.2e-8


def mel(audio):
    """Whisper's picture of `audio` (batch, samples at 8 kHz): (batch, 80, samples / 80)."""
    frames = audio.shape[1] // 80
    padded = jnp.pad(audio, ((0, 0), (100, 120)), mode="reflect")
    at = jnp.arange(frames)[:, None] * 80 + jnp.arange(200)[None]
    cut = padded[:, at]
    power = (cut @ COSINES) ** 2 + (cut @ SINES) ** 2
    is_sound = (power.sum(-1, keepdims=True) > 0).astype(jnp.float32)
    low = power @ BANDS[:, :101].T + ROUNDING * is_sound * BANDS.sum(1)
    logarithm = jnp.log10(jnp.maximum(low, 1e-10))
    logarithm = jnp.maximum(logarithm, logarithm.max(axis=(1, 2), keepdims=True) - 8)
    return ((logarithm + 4) / 4).transpose(0, 2, 1)


def _norm(p, name, x):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p[name + ".weight"] + p[name + ".bias"]


def _linear(p, name, x):
    out = x @ p[name + ".weight"].T
    return out + p[name + ".bias"] if name + ".bias" in p else out


def _attend(p, name, x, heard, mask=None):
    batch, length, _ = x.shape
    split = lambda z: z.reshape(batch, -1, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)
    query, key, value = split(_linear(p, name + ".query", x)), split(_linear(p, name + ".key", heard)), split(_linear(p, name + ".value", heard))
    weights = query @ key.transpose(0, 1, 3, 2) / np.sqrt(WIDTH // HEADS)
    if mask is not None:
        weights = weights + mask
    mixed = (jax.nn.softmax(weights, -1) @ value).transpose(0, 2, 1, 3).reshape(batch, length, WIDTH)
    return _linear(p, name + ".out", mixed)


def _gelu(x):
    return jax.nn.gelu(x, approximate=True)


def _think(p, name, x):
    return _linear(p, name + ".mlp.2", _gelu(_linear(p, name + ".mlp.0", _norm(p, name + ".mlp_ln", x))))


def _conv(p, name, x, stride):
    """(batch, length, channels), width 3, as one product of matrices."""
    weight = p[name + ".weight"]
    padded = jnp.pad(x, ((0, 0), (1, 1), (0, 0)))
    length = x.shape[1] // stride
    rows = jnp.concatenate([padded[:, k : k + length * stride : stride] for k in range(3)], -1)
    flat = weight.transpose(2, 1, 0).reshape(-1, weight.shape[0])
    return rows @ flat + p[name + ".bias"]


def hear(p, picture):
    x = _gelu(_conv(p, "encoder.conv1", picture.transpose(0, 2, 1), 1))
    x = _gelu(_conv(p, "encoder.conv2", x, 2))
    x = x + PLACES[: x.shape[1]]
    for n in range(HEARS):
        name = f"encoder.blocks.{n}"
        normed = _norm(p, name + ".attn_ln", x)
        x = x + _attend(p, name + ".attn", normed, normed)
        x = x + _think(p, name, x)
    return _norm(p, "encoder.ln_post", x)


def write(p, tokens, heard):
    """Logits of what follows each of `tokens`."""
    length = tokens.shape[1]
    x = p["decoder.token_embedding.weight"][tokens] + p["decoder.positional_embedding"][:length]
    mask = jnp.where(jnp.tril(jnp.ones((length, length))) > 0, 0, -1e9)
    for n in range(WRITES):
        name = f"decoder.blocks.{n}"
        normed = _norm(p, name + ".attn_ln", x)
        x = x + _attend(p, name + ".attn", normed, normed, mask)
        x = x + _attend(p, name + ".cross_attn", _norm(p, name + ".cross_attn_ln", x), heard)
        x = x + _think(p, name, x)
    return _norm(p, "decoder.ln", x) @ p["decoder.token_embedding.weight"].T
