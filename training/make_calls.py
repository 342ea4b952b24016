#!/usr/bin/env python3
"""Builds labelled calls from the utterances of make_bank.py: pauses, noise, levels, codecs, losses.

  make_calls.py BANK.npz OUT_FOLDER --calls 6000 --seed 1

Writes samples.raw, lengths.txt (for amd_features) and calls.npz: label (1 = machine), language, voice,
onset, end of the first utterance, end of all that decides (a beep, or the audio), in ms.
"""
import argparse
import pathlib
import subprocess
from concurrent.futures import ProcessPoolExecutor

import numpy as np

RATE = 8000
BANK = {}


def load(path):
    z = np.load(path)
    ends = np.cumsum(z["lengths"])
    samples = z["samples"]
    for n, about in enumerate(z["about"]):
        kind, language, voice, line, clause = about.split("\t")
        x = samples[ends[n] - z["lengths"][n] : ends[n]]
        BANK.setdefault(kind, {}).setdefault((language, voice), {}).setdefault(line, []).append(x)


def pick(rng, options):
    options = list(options)
    return options[rng.integers(len(options))]


def any_line(rng, kind):
    voice = pick(rng, BANK[kind])
    return voice, BANK[kind][voice][pick(rng, BANK[kind][voice])]


def level(x, db):
    x = x.astype(np.float64)
    e = (x ** 2).reshape(-1) if len(x) < 160 else (x[: len(x) // 160 * 160].reshape(-1, 160) ** 2).mean(1)
    active = e[e > e.max() * 0.01].mean() if len(e) and e.max() > 0 else 1.0
    return x / np.sqrt(active + 1e-9) * 32768 * 10 ** (db / 20)


def shaped_noise(rng, n, kind):
    w = rng.standard_normal(n)
    if kind == "white":
        return w
    f = np.fft.rfftfreq(n, 1 / RATE)
    spectrum = np.fft.rfft(w)
    if kind == "street":
        x = np.fft.irfft(spectrum / np.maximum(f, 60) ** rng.uniform(0.6, 1.2), n)
        steps = int(n / RATE * 1.5) + 3
        gain = np.interp(np.arange(n), np.linspace(0, n, steps), 10 ** (rng.uniform(-6, 6, steps) / 20))
        return x * gain
    x = np.fft.irfft(spectrum / np.maximum(f, 100) ** 0.5, n)
    if kind == "hum":
        t = np.arange(n) / RATE
        for h in range(1, 8):
            x = x + rng.uniform(0, 1) * np.std(x) * np.sin(2 * np.pi * 50 * h * t + rng.uniform(0, 6))
    return x


def babble(rng, n):
    x = np.zeros(n)
    for _ in range(int(rng.integers(3, 7))):
        _, clauses = any_line(rng, pick(rng, ["sentence", "notice", "greeting"]))
        y = np.concatenate(clauses).astype(np.float64)
        y = np.resize(y, n) if len(y) else np.zeros(n)
        x += np.roll(y / (np.std(y) + 1), rng.integers(n))
    return x


def music(rng, n):
    x, at = np.zeros(n), 0
    root = 110 * 2 ** rng.uniform(0, 1.5)
    beat = int(RATE * rng.uniform(0.18, 0.6))
    while at < n:
        length = min(beat * int(rng.integers(1, 4)), n - at)
        t = np.arange(length) / RATE
        for _ in range(int(rng.integers(1, 4))):
            hz = root * 2 ** (pick(rng, [0, 2, 3, 4, 5, 7, 8, 9, 11, 12, 14, 16, 19]) / 12)
            for h in range(1, int(rng.integers(2, 8))):
                x[at : at + length] += np.sin(2 * np.pi * hz * h * t + rng.uniform(0, 6)) / h ** 1.5 * np.exp(-t * rng.uniform(0.3, 4))
        if rng.random() < 0.4:
            hit = rng.standard_normal(min(800, length)) * np.exp(-np.arange(min(800, length)) / 150)
            x[at : at + len(hit)] += hit * 2
        at += length
    return x


def ulaw(x, a_law=False):
    s, m = np.sign(x), np.minimum(np.abs(x) / 32768, 1)
    if a_law:
        a = 87.6
        y = np.where(m < 1 / a, a * m / (1 + np.log(a)), (1 + np.log(np.maximum(a * m, 1))) / (1 + np.log(a)))
        y = np.round(y * 127) / 127
        return s * np.where(y < 1 / (1 + np.log(a)), y * (1 + np.log(a)) / a, np.exp(y * (1 + np.log(a)) - 1) / a) * 32768
    y = np.round(np.log1p(255 * m) / np.log(256) * 127) / 127
    return s * (256 ** y - 1) / 255 * 32768


def gsm(x):
    raw = np.clip(x, -32768, 32767).astype("<i2").tobytes()
    form = ["-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-"]
    coded = subprocess.run(["sox", *form, "-t", "gsm", "-"], input=raw, capture_output=True).stdout
    back = subprocess.run(["sox", "-t", "gsm", "-r", "8000", "-", *form], input=coded, capture_output=True).stdout
    y = np.frombuffer(back, "<i2").astype(np.float64)
    return y if len(y) > len(x) // 2 else x


def human_parts(rng):
    """Utterances of a person: list of [(audio, pause before)], and who speaks."""
    r = rng.random()
    if r < 0.24:
        voice, c = any_line(rng, "short")
        first = [(c[0], 0)]
    elif r < 0.35:
        voice, x = fragment(rng)
        first = [(x, 0)]
    elif r < 0.42:
        voice, c = any_line(rng, pick(rng, ["digit", "word"]))
        first = [(c[0], 0)]
    elif r < 0.52:
        kind = pick(rng, ["digit", "word"])
        voice = pick(rng, BANK[kind])
        lines = BANK[kind][voice]
        first = [(lines[pick(rng, lines)][0], rng.uniform(0.0, 0.3)) for _ in range(int(rng.integers(2, 6)))]
    elif r < 0.60:
        voice, c = any_line(rng, "short")
        lines = BANK.get("sentence", {}).get(voice) or BANK["short"][voice]
        first = [(c[0], 0), (lines[pick(rng, lines)][0], rng.uniform(0.1, 0.65))]
    elif r < 0.80:
        voice, c = any_line(rng, "sentence")
        first = [(c[0], 0)]
    else:
        voice, c = any_line(rng, "business")
        first = [(c[0], 0)]
    again = first if rng.random() < 0.5 else [(any_same(rng, voice), 0)]
    return voice, first, again


def fragment(rng):
    """A piece of a recorded prompt, cut where it is quiet: a person may say anything in any voice."""
    voice, c = any_line(rng, "prompt")
    x = c[0]
    if rng.random() < 0.15:
        return voice, x[: int(3.5 * RATE)]
    e = np.convolve(x.astype(np.float64) ** 2, np.ones(240) / 240, "same")[::80]
    quiet = np.flatnonzero(e < np.quantile(e, 0.2)) * 80
    length = int(rng.uniform(0.5, 2.8) * RATE)
    start = int(pick(rng, quiet[quiet < max(len(x) - length, 1)])) if (quiet < max(len(x) - length, 1)).any() else 0
    after = quiet[quiet > start + length]
    return voice, x[start : int(after[0]) if len(after) else len(x)]


def respeak(x, factor):
    """Faster and higher, or slower and deeper: another voice."""
    at = np.arange(0, len(x) - 1, factor)
    return np.interp(at, np.arange(len(x)), x).astype(np.float64)


def any_same(rng, voice):
    for kind in ["short", "digit", "word", "sentence"]:
        if voice in BANK.get(kind, {}):
            lines = BANK[kind][voice]
            return lines[pick(rng, lines)][0]
    return any_line(rng, "short")[1][0]


def machine_parts(rng):
    r = rng.random()
    if r < 0.55:
        voice, c = any_line(rng, "greeting")
    elif r < 0.75:
        voice, c = any_line(rng, "notice")
    else:
        voice = pick(rng, BANK["prompt"])
        lines = BANK["prompt"][voice]
        c = [lines[pick(rng, lines)][0] for _ in range(int(rng.integers(1, 4)))]
        if rng.random() < 0.3 and voice in BANK["word"]:
            words = BANK["word"][voice]
            c[1:1] = [words[pick(rng, words)][0] for _ in range(int(rng.integers(1, 5)))]
    parts = []
    for n, x in enumerate(c):
        pause = 0 if n == 0 else (rng.uniform(0.15, 0.7) if rng.random() < 0.6 else rng.uniform(0.7, 1.6))
        parts.append((x, pause))
    return voice, parts


def call(seed):
    rng = np.random.default_rng(seed)
    is_machine = bool(rng.random() < 0.5)
    r = rng.random()
    onset = rng.uniform(0.15, 1.3) if r < 0.68 else rng.uniform(1.3, 4.5) if r < 0.88 else 0.0
    pieces, at = [], onset
    factor = rng.uniform(0.86, 1.18) if rng.random() < 0.7 else 1.0
    if is_machine:
        voice, parts = machine_parts(rng)
        parts = [(respeak(x, factor), pause) for x, pause in parts]
        for x, pause in parts:
            at += pause
            pieces.append((at, x))
            at += len(x) / RATE
        first_end, gap = None, 0
        for (start, x), nxt in zip(pieces, pieces[1:] + [(1e9, None)]):
            first_end = start + len(x) / RATE
            if nxt[0] - first_end >= 0.7:
                break
        decides = at + (rng.uniform(0.2, 1.6) if rng.random() < 0.65 else 3.0)
        total = min(max(decides, onset + 4), 16)
    else:
        voice, first, again = human_parts(rng)
        first = [(respeak(x, factor), pause) for x, pause in first]
        again = [(respeak(x, factor), pause) for x, pause in again]
        for x, pause in first:
            at += pause
            pieces.append((at, x))
            at += len(x) / RATE
        first_end = at
        total = at + rng.uniform(1.5, 3.5)
        if rng.random() < 0.6:
            at += rng.uniform(1.6, 5.0)
            for x, pause in again:
                at += pause
                pieces.append((at, x))
                at += len(x) / RATE
            total = at + 1.0
        total = min(total, 16)
        decides = total
    n = int(total * RATE)
    n -= n % 320
    db = rng.uniform(-26, -18) if rng.random() < 0.7 else rng.uniform(-36, -26) if rng.random() < 0.5 else rng.uniform(-18, -10)
    speech = np.zeros(n)
    together = level(np.concatenate([x for _, x in pieces]), db)
    offset = 0
    cut = int(rng.uniform(0.05, 0.3) * RATE) if onset == 0 else 0
    for start, x in pieces:
        y = together[offset : offset + len(x)]
        offset += len(x)
        if cut and start == 0:
            y = y[min(cut, max(len(y) - 1000, 0)) :]
        a = int(start * RATE)
        b = min(a + len(y), n)
        if a < n:
            speech[a:b] += y[: b - a]
    if rng.random() < 0.2:
        delay = int(rng.uniform(0.03, 0.16) * RATE)
        speech[delay:] += speech[:-delay] * 10 ** (rng.uniform(-26, -14) / 20)
    x = speech + shaped_noise(rng, n, "pink") * 32768 * 10 ** (rng.uniform(-80, -55) / 20)
    if rng.random() < 0.4:
        kind = pick(rng, ["street", "white", "hum", "babble", "music"])
        noise = babble(rng, n) if kind == "babble" else music(rng, n) if kind == "music" else shaped_noise(rng, n, kind)
        noise *= 32768 * 10 ** ((db - rng.uniform(5, 22)) / 20) / (np.std(noise) + 1e-9)
        if is_machine and rng.random() < 0.6:
            gate = np.zeros(n)
            gate[max(int((onset - 0.15) * RATE), 0) : int((pieces[-1][0] + len(pieces[-1][1]) / RATE + 0.15) * RATE)] = 1
            noise *= gate
        x = x + noise
    if rng.random() < 0.12:
        x += pick(rng, [-1, 1]) * rng.uniform(60, 600)
    x = np.clip(x, -32768, 32767)
    r = rng.random()
    x = ulaw(x) if r < 0.4 else ulaw(x, True) if r < 0.7 else gsm(x) if r < 0.85 else x
    x = np.resize(x, n)
    if rng.random() < 0.25:
        rate, keep = rng.uniform(0.005, 0.06), rng.random() < 0.5
        for f in np.flatnonzero(rng.random(n // 160) < rate):
            x[f * 160 : f * 160 + 160] = x[f * 160 - 160 : f * 160] * 0.7 if keep and f else 0
    return (np.clip(x, -32768, 32767).astype("<i2"), int(is_machine), voice[0], voice[1],
            int(pieces[0][0] * 1000), int(first_end * 1000), int(decides * 1000))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bank")
    p.add_argument("out")
    p.add_argument("--calls", type=int, default=6000)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    out = pathlib.Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    load(a.bank)
    rows = []
    with ProcessPoolExecutor(2) as pool, open(out / "samples.raw", "wb") as raw, open(out / "lengths.txt", "w") as lengths:
        for x, *row in pool.map(call, range(a.seed * 1_000_000, a.seed * 1_000_000 + a.calls), chunksize=32):
            raw.write(x.tobytes())
            lengths.write(f"{len(x)}\n")
            rows.append(row)
    label, language, voice, onset, first_end, decides = zip(*rows)
    np.savez(out / "calls.npz", label=label, language=language, voice=voice, onset=onset, first_end=first_end, decides=decides)


if __name__ == "__main__":
    main()
