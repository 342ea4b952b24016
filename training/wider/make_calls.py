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


# How often each maker of voices speaks, whatever its number of voices; recordings go by speaker.
MAKERS = {"espeak": 0.42, "pico": 0.26, "festival": 0.2, "flite": 0.12}


def any_voice(rng, kind):
    """Maker first, then language, then voice: so that no maker and no language drowns the others."""
    makers = {}
    for language, voice in BANK[kind]:
        makers.setdefault(voice.split(":")[0] if ":" in voice else "recorded", {}).setdefault(language, []).append((language, voice))
    weights = np.array([MAKERS.get(m, 1.0) for m in makers])
    languages = makers[list(makers)[rng.choice(len(makers), p=weights / weights.sum())]]
    weights = np.array([3.0 if language == "en" else 1.0 for language in languages])
    return pick(rng, languages[list(languages)[rng.choice(len(languages), p=weights / weights.sum())]])


def any_line(rng, kind):
    voice = any_voice(rng, kind)
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
    if r < 0.20:
        voice, c = any_line(rng, "short")
        first = [(c[0], 0)]
    elif r < 0.34:
        voice, c = any_line(rng, pick(rng, ["digit", "word"]))
        first = [(c[0], 0)]
    elif r < 0.44:
        voice, x = fragment(rng)
        first = [(x, 0)]
    elif r < 0.52:
        kind = pick(rng, ["digit", "word"])
        voice = any_voice(rng, kind)
        lines = BANK[kind][voice]
        first = [(lines[pick(rng, lines)][0], rng.uniform(0.0, 0.3)) for _ in range(int(rng.integers(2, 6)))]
    elif r < 0.58:
        voice, c = any_line(rng, "short")
        lines = BANK.get("sentence", {}).get(voice) or BANK["short"][voice]
        first = [(c[0], 0), (lines[pick(rng, lines)][0], rng.uniform(0.1, 0.65))]
    elif r < 0.76:
        voice, c = any_line(rng, "sentence")
        first = [(c[0], 0)]
    elif r < 0.82:
        voice, c = any_line(rng, "sentence")
        lines = BANK["sentence"][voice]
        first = [(c[0], 0), (lines[pick(rng, lines)][0], rng.uniform(0.1, 0.6))]
    else:
        voice, c = any_line(rng, "business")
        first = [(c[0], 0)]
        if rng.random() < 0.2 and voice in BANK["sentence"]:
            lines = BANK["sentence"][voice]
            first.append((lines[pick(rng, lines)][0], rng.uniform(0.15, 0.6)))
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


def tempo(x, factor):
    """Faster (over 1) or slower at the same pitch: overlapping pieces of 30 ms, laid where they fit best."""
    size, hop, reach = 240, 120, 60
    window = np.hanning(size)
    x = np.concatenate([np.zeros(reach), x.astype(np.float64), np.zeros(size + 2 * reach)])
    count = int((len(x) - size - 2 * reach) / (hop * factor))
    if count < 4:
        return x
    out = np.zeros(count * hop + size)
    at = reach
    for n in range(count):
        goal = int(n * hop * factor) + reach
        if n:
            follows = x[at + hop : at + hop + hop]
            near = x[goal - reach : goal + reach + hop]
            at = goal - reach + int(np.argmax(np.correlate(near, follows, "valid")[: 2 * reach]))
        else:
            at = goal
        out[n * hop : n * hop + size] += x[at : at + size] * window
    return out


def another_voice(rng):
    """A way to change a voice: its size (pitch and formants together) and, apart from that, its speed."""
    size = rng.uniform(0.82, 1.22) if rng.random() < 0.8 else 1.0
    speed = rng.uniform(0.85, 1.2) if rng.random() < 0.8 else size

    def change(x):
        y = np.interp(np.arange(0, len(x) - 1, size), np.arange(len(x)), x.astype(np.float64))
        return tempo(y, speed / size) if abs(speed / size - 1) > 0.03 else y

    return change


def coloured(rng, x, depth=6.0):
    """Through another microphone: band edges, a tilt and two broad peaks."""
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    db = rng.normal(0, depth / 3) * np.log2(np.maximum(f, 50) / 1000)
    for _ in range(2):
        centre, width = rng.uniform(300, 3400), rng.uniform(0.3, 0.9)
        db += rng.uniform(-depth, depth) * np.exp(-((np.log2(np.maximum(f, 50) / centre) / width) ** 2))
    low, high = rng.uniform(60, 380), rng.uniform(2700, 4200)
    db -= 10 * np.log10(1 + (low / np.maximum(f, 20)) ** 4) + 10 * np.log10(1 + (f / high) ** 12)
    return np.fft.irfft(np.fft.rfft(x) * 10 ** (db / 20), len(x))


def room(rng, x):
    n = int(rng.uniform(0.05, 0.25) * RATE)
    tail = rng.standard_normal(n) * np.exp(-np.arange(n) / n * 6)
    tail *= 10 ** (rng.uniform(-16, -4) / 20) / np.sqrt((tail ** 2).sum())
    size = 1 << (len(x) + n).bit_length()
    return x + np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)[: len(x)]


def any_same(rng, voice):
    for kind in ["short", "digit", "word", "sentence"]:
        if voice in BANK.get(kind, {}):
            lines = BANK[kind][voice]
            return lines[pick(rng, lines)][0]
    return any_line(rng, "short")[1][0]


def machine_parts(rng):
    r = rng.random()
    if r < 0.46:
        voice, c = any_line(rng, "greeting")
    elif r < 0.58:
        voice, c = any_line(rng, "greeting")
        c = [pick(rng, c)]
    elif r < 0.76:
        voice, c = any_line(rng, "notice")
    else:
        voice = any_voice(rng, "prompt")
        lines = BANK["prompt"][voice]
        c = [lines[pick(rng, lines)][0] for _ in range(int(rng.integers(1, 4)))]
        if rng.random() < 0.3 and voice in BANK["word"]:
            words = BANK["word"][voice]
            c[1:1] = [words[pick(rng, words)][0] for _ in range(int(rng.integers(1, 5)))]
    parts = []
    for n, x in enumerate(c):
        r = rng.random()
        pause = 0 if n == 0 else rng.uniform(0.1, 0.7) if r < 0.6 else rng.uniform(0.7, 1.6) if r < 0.97 else rng.uniform(1.6, 2.4)
        parts.append((x, pause))
    return voice, parts


def call(seed):
    rng = np.random.default_rng(seed)
    is_machine = bool(rng.random() < 0.5)
    r = rng.random()
    onset = rng.uniform(0.15, 1.3) if r < 0.68 else rng.uniform(1.3, 4.5) if r < 0.88 else 0.0
    if onset and rng.random() < 0.06:
        onset += rng.uniform(0.5, 3)
    pieces, at = [], onset
    change = another_voice(rng)
    if is_machine:
        voice, parts = machine_parts(rng)
        parts = [(change(x), pause) for x, pause in parts]
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
        first = [(change(x), pause) for x, pause in first]
        again = [(change(x), pause) for x, pause in again]
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
    # The answer comes late: the audio begins in the middle of the first word.
    cut = min(int(rng.uniform(0.05, 0.3) * RATE), max(len(pieces[0][1]) - 1000, 0)) if onset == 0 and rng.random() < 0.8 else 0
    first_end, decides = first_end - cut / RATE, decides - cut / RATE
    for start, x in pieces:
        y = together[offset : offset + len(x)]
        offset += len(x)
        a = int(start * RATE) - cut
        if a < 0:
            a, y = 0, y[-a:]
        b = min(a + len(y), n)
        if a < n:
            speech[a:b] += y[: b - a]
    if rng.random() < 0.7:
        speech = coloured(rng, speech)
    if rng.random() < 0.15:
        speech = room(rng, speech)
    if rng.random() < 0.2:
        delay = int(rng.uniform(0.03, 0.16) * RATE)
        speech[delay:] += speech[:-delay] * 10 ** (rng.uniform(-26, -14) / 20)
    spoken = np.zeros(n)
    spoken[max(int((onset - rng.uniform(0.02, 0.4)) * RATE), 0) : int((pieces[-1][0] + len(pieces[-1][1]) / RATE + rng.uniform(0.02, 0.4)) * RATE)] = 1
    if is_machine and rng.random() < 0.4:
        # A greeting was recorded somewhere: its own noise comes and goes with it.
        hiss = coloured(rng, shaped_noise(rng, n, pick(rng, ["pink", "white", "street"])))
        speech += spoken * hiss * 32768 * 10 ** ((db - rng.uniform(14, 42)) / 20) / (np.std(hiss) + 1e-9)
    if rng.random() < (0.25 if is_machine else 0.1):
        # Stored by a mailbox, or spoken into a mobile phone, before this line coded it again.
        speech = np.resize(gsm(np.clip(speech, -32768, 32767)), n)
    x = speech + shaped_noise(rng, n, "pink") * 32768 * 10 ** (rng.uniform(-80, -55) / 20)
    if onset > 1.2 and rng.random() < 0.15:
        # Ringback or music left over from before the answer.
        before = int(rng.uniform(0.4, 0.9) * onset * RATE)
        t = np.arange(before) / RATE
        sound = music(rng, before) if rng.random() < 0.6 else np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t)
        x[:before] += sound * 32768 * 10 ** ((db - rng.uniform(0, 8)) / 20) / (np.std(sound) + 1e-9)
    if rng.random() < 0.4:
        kind = pick(rng, ["street", "white", "hum", "babble", "music"])
        noise = babble(rng, n) if kind == "babble" else music(rng, n) if kind == "music" else shaped_noise(rng, n, kind)
        noise *= 32768 * 10 ** ((db - rng.uniform(5, 22)) / 20) / (np.std(noise) + 1e-9)
        if is_machine and rng.random() < 0.6:
            noise *= spoken
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
