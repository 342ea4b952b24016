"""What a telephone line, a room and a loudness make of speech, and sounds that are no speech. 8 kHz."""

import numpy as np

RATE = 8000


def mulaw(audio):
    """G.711 there and back."""
    small = np.sign(audio) * np.log1p(255 * np.abs(audio)) / np.log(256)
    small = np.round(small * 127.5) / 127.5
    return np.sign(small) * np.expm1(np.abs(small) * np.log(256)) / 255


def noise(rng, length):
    """White, pink, brown, or hum with hiss; of unit power."""
    made = rng.standard_normal(length).astype(np.float32)
    kind = rng.integers(4)
    if kind:
        spectrum = np.fft.rfft(made)
        frequency = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 30)
        made = np.fft.irfft(spectrum * frequency ** (-0.5 * (1 + (kind == 2))), length)
        if kind == 3:
            base = rng.choice((50, 60))
            time = np.arange(length) / RATE
            made = made / made.std() + sum(rng.uniform(0, 2) * np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6)) for k in range(1, 6))
    return (made / (made.std() + 1e-9)).astype(np.float32)


def tones(rng, length):
    """One to three frequencies, steady, in bursts, or gliding."""
    time = np.arange(length) / RATE
    made = np.zeros(length)
    start = 0.0
    style = rng.integers(4)
    while start < length / RATE:
        on = rng.choice((0.07, 0.2, 0.35, 0.5, 1.0, 4.0)) * rng.uniform(0.8, 1.2)
        inside = (time >= start) & (time < start + on)
        for _ in range(rng.integers(1, 4)):
            base = rng.uniform(180, 3200) * (1 + (style == 3) * rng.uniform(-0.3, 0.3) * time)
            made += inside * rng.uniform(0.2, 1) * np.sin(2 * np.pi * base * time + rng.uniform(0, 6))
        start += on + rng.choice((0.05, 0.2, 0.5, 2.0))
    return (made / (np.abs(made).max() + 1e-9)).astype(np.float32)


def tune(rng, length):
    """Chords of decaying harmonic notes, one after another."""
    made, at = np.zeros(length + RATE), 0
    while at < length:
        beat = int(RATE * rng.uniform(0.12, 0.6))
        long = min(int(beat * rng.uniform(1, 3)), length + RATE - at)
        time = np.arange(long) / RATE
        for _ in range(rng.integers(1, 4)):
            base = 110 * 2 ** (rng.integers(0, 36) / 12)
            decay = np.exp(-time * rng.uniform(1, 8))
            made[at : at + long] += decay * sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * base * k * time) for k in range(1, 6) if base * k < 3800)
        at += beat
    made = made[:length]
    return (made / (np.abs(made).max() + 1e-9)).astype(np.float32)


def clicks(rng, length):
    """Knocks, crackling, rustling: short bursts of noise."""
    made = np.zeros(length, np.float32)
    for _ in range(rng.integers(1, 12)):
        long = int(RATE * rng.uniform(0.004, 0.15))
        at = rng.integers(0, max(1, length - long))
        made[at : at + long] += noise(rng, length)[:long] * np.exp(-np.arange(long) / long * rng.uniform(1, 6)) * rng.uniform(0.1, 1)
    return made / (np.abs(made).max() + 1e-9)


def no_speech(rng, length):
    """Nothing that anybody says, up to 0.5."""
    kind = rng.integers(8)
    if kind == 0:
        return np.zeros(length, np.float32)
    if kind <= 2:
        made = noise(rng, length)
        if rng.random() < 0.5:
            # Swells and bursts.
            points = rng.uniform(0, 1, max(2, length // 2000)) ** 2
            made = made * np.interp(np.arange(length), np.linspace(0, length, len(points)), points)
        return 0.25 * made / (np.abs(made).max() + 1e-9) * 2
    return 0.5 * (tones, tones, tune, tune, clicks)[kind - 3](rng, length)


def varied(rng, audio, most=0.16):
    """Another speed and, with it, another size of the speaker."""
    step = rng.uniform(1 - most, 1 + most)
    return np.interp(np.arange(0, len(audio) - 1, step), np.arange(len(audio)), audio).astype(np.float32)


def on_the_line(rng, audio, speech, most_clean=40.0):
    """`audio` (up to 1.0) through a room, a band, noise, a loudness and a codec. `speech` is where somebody speaks, as a slice."""
    length = len(audio)
    spectrum = np.fft.rfft(audio)
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    low, high = rng.uniform(40, 330), rng.uniform(2900, 4000)
    gain = np.exp(np.interp(frequency, np.linspace(0, 4000, 7), rng.normal(0, 0.35, 7)))
    gain *= np.where((frequency < low) | (frequency > high), rng.uniform(0.01, 0.3), 1)
    if rng.random() < 0.25:
        long = int(RATE * rng.uniform(0.03, 0.25))
        echo = rng.standard_normal(long) * np.exp(-np.arange(long) / long * 5) * rng.uniform(0.02, 0.2)
        echo[0] = 1
        gain = gain * np.fft.rfft(echo, length)
    audio = np.fft.irfft(spectrum * gain, length).astype(np.float32)
    power = np.mean(audio[speech] ** 2) + 1e-8
    if rng.random() < 0.92:
        audio = audio + noise(rng, length) * np.sqrt(power) * 10 ** (-rng.uniform(6 if rng.random() < 0.3 else 14, most_clean) / 20)
    if rng.random() < 0.05:
        at = rng.integers(0, max(1, length - 320))
        audio[at : at + rng.integers(80, 320)] = 0
    audio = audio * 10 ** (rng.uniform(-34, 6) / 20)
    audio = np.clip(audio, -1, 1)
    return mulaw(audio) if rng.random() < 0.7 else audio
