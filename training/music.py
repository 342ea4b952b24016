"""Fits the weights of crates/callcore/src/detect/music.txt: music or not, by the last second.

    music.py MUSIC_FOLDER SPEECH_FOLDER NOISE_FOLDER music.txt

Each folder holds WAV files, 8 kHz mono. The features are those of detect/music.rs, which must change together with
them. Every file is used as it is and once more with another level, noise and coding.
"""

import sys
import wave
from pathlib import Path

import numpy as np

WINDOW, HOP, SECOND, FIRST, STEP, UNITS = 256, 80, 100, 60, 10, 16
HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
EDGES = [4, 6, 9, 12, 15, 19, 23, 28, 33, 39, 46, 54, 63, 74, 87, 103, 122]


def read(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype(float)


def spoiled(samples, rng):
    """The same at another level, in noise that hums or hisses."""
    level = 10 ** (rng.uniform(-36, -12) / 20) * 32768
    loud = samples[np.abs(samples) > np.abs(samples).max() * 0.05]
    samples = samples / (np.sqrt((loud**2).mean()) + 1) * level
    noise = rng.standard_normal(len(samples))
    if rng.random() < 0.4:
        at, base = np.arange(len(samples)) / 8000, rng.choice([50, 60])
        noise = 0.4 * noise + sum(np.sin(2 * np.pi * base * k * at + rng.uniform(0, 6)) for k in range(1, 9))
    samples = samples + noise / noise.std() * level * 10 ** (-rng.uniform(6, 35) / 20)
    return np.clip(samples, -32767, 32767)


def hops(samples):
    """What every hop holds: shares of held peaks (3), their number (2), level, flux, low, high, peaks."""
    x = samples / 32768
    y = np.zeros_like(x)
    last_in = last_out = 0.0
    for n, sample in enumerate(x):
        last_in, last_out = sample, sample - last_in + 0.97 * last_out
        y[n] = last_out
    count = max(0, (len(y) - WINDOW) // HOP + 1)
    out, age, mean, before = np.zeros((count, 10)), np.zeros(129), np.zeros(129), []
    for t in range(count):
        spectrum = np.abs(np.fft.rfft(y[t * HOP : t * HOP + WINDOW] * HANN))
        power = spectrum**2 * 2 / (WINDOW * WINDOW * 0.375)
        root, total = np.sqrt(power), power[4:125].sum() + 1e-9
        inner = power[5:112]
        is_peak = (inner >= power[4:111]) & (inner > power[6:113]) & (inner > inner.max() * 0.003)
        at = np.nonzero(is_peak)[0] + 5
        right = root[at + 1] >= root[at - 1]
        ratio = np.where(right, root[at + 1], root[at - 1]) / np.maximum(root[at], 1e-12)
        offset = np.clip(np.where(right, 1, -1) * (2 * ratio - 1) / (ratio + 1), -0.6, 0.6)
        hz = (at + offset) * 31.25
        near = np.stack([np.where(age[at + d] > 0, np.abs(mean[at + d] - hz), 1e9) for d in (-1, 0, 1)])
        which = near.argmin(0)
        known, source = near.min(0) < 7, at + which - 1
        new_age, new_mean = np.zeros(129), np.zeros(129)
        new_age[at] = np.where(known, age[source] + 1, 1)
        new_mean[at] = np.where(known, mean[source] + (hz - mean[source]) * 0.25, hz)
        age, mean = new_age, new_mean
        energy = power[at - 1] + power[at] + power[at + 1]
        bands = np.array([power[a:b].sum() for a, b in zip(EDGES, EDGES[1:])])
        decibels = 10 * np.log10(bands + 1e-9)
        for n, least in enumerate((8, 14, 24)):
            out[t, n] = energy[age[at] >= least].sum() / total
        out[t, 3], out[t, 4] = (age[at] >= 8).sum(), (age[at] >= 14).sum()
        out[t, 5] = 10 * np.log10(total)
        out[t, 6] = np.abs(decibels - before[-2]).mean() if t >= 2 else 0
        out[t, 7] = 10 * np.log10(bands[:3].sum() / total + 1e-4)
        out[t, 8] = 10 * np.log10(bands[9:].sum() / total + 1e-4)
        out[t, 9] = len(at)
        before = (before + [decibels])[-2:]
    return out


def values(part):
    loudest = part[:, 5].max()
    if loudest < -50:
        return None
    s = part[part[:, 5] > loudest - 20]
    return [
        s[:, 0].mean(), s[:, 1].mean(), s[:, 2].mean(), s[:, 3].mean() / 4, s[:, 4].mean() / 4,
        len(s) / len(part), (part[:, 5] > loudest - 10).mean(), s[:, 5].std() / 5, s[:, 6].mean() / 5,
        s[:, 7].mean() / 10, s[:, 7].std() / 5, s[:, 8].mean() / 10, s[:, 8].std() / 5, s[:, 9].mean() / 20,
    ]  # fmt: skip


def readings(folder, rng):
    found = []
    for path in sorted(Path(folder).glob("**/*.wav")):
        samples = read(path)[:80_000]
        if len(samples) < 4_000:
            continue
        for version in (samples, spoiled(samples, rng)):
            measured = hops(version)
            for end in range(FIRST, len(measured) + 1, STEP):
                found.append(values(measured[max(0, end - SECOND) : end]))
    return np.array([row for row in found if row is not None])


def main():
    rng = np.random.default_rng(0)
    music = readings(sys.argv[1], rng)
    others = np.concatenate([readings(folder, rng) for folder in sys.argv[2:4]])
    x, y = np.concatenate([music, others]), np.r_[np.ones(len(music)), np.zeros(len(others))]
    mean, spread = x.mean(0), x.std(0)
    z = (x - mean) / spread
    weight = np.where(y == 1, 1 / len(music), 3 / len(others)) * len(y) / 4
    parts = [rng.standard_normal((z.shape[1], UNITS)) * 0.3, np.zeros(UNITS),
             rng.standard_normal(UNITS) * 0.3, np.zeros(1)]  # fmt: skip
    first, second = [np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts]
    rounds = 16_000
    for n in range(rounds):
        i = rng.integers(len(y), size=512)
        h = np.tanh(z[i] @ parts[0] + parts[1])
        g = (1 / (1 + np.exp(-(h @ parts[2] + parts[3][0]))) - y[i]) * weight[i] / len(i)
        back = np.outer(g, parts[2]) * (1 - h * h)
        for k, slope in enumerate((z[i].T @ back, back.sum(0), h.T @ g, np.array([g.sum()]))):
            slope = slope + 1e-4 * parts[k]
            first[k] = 0.9 * first[k] + 0.1 * slope
            second[k] = 0.999 * second[k] + 0.001 * slope**2
            rate = 0.004 * (0.1 if n > rounds * 0.75 else 1)
            parts[k] = parts[k] - rate * (first[k] / (1 - 0.9 ** (n + 1))) / (
                np.sqrt(second[k] / (1 - 0.999 ** (n + 1))) + 1e-8
            )
    inputs = parts[0] / spread[:, None]
    bias = parts[1] - mean @ inputs
    with open(sys.argv[4], "w") as out:
        for name, numbers in (("input", inputs.T.reshape(-1)), ("bias", bias), ("out", parts[2]), ("out_bias", parts[3])):
            out.write(name + " " + " ".join(f"{number:.4g}" for number in numbers) + "\n")


if __name__ == "__main__":
    main()
