"""Tones as WAV files, and how much of a tone is in a recording. 8 kHz, 16 bit, standard library only."""

import array
import math
import wave

RATE = 8_000
WINDOW = 160
"""20 ms: tones of a multiple of 50 Hz have whole periods in it, so one does not leak into another."""


def write(path, hertz, seconds, dbfs):
    """A sine whose peak is `dbfs` below full scale."""
    peak = 32_767 * 10 ** (dbfs / 20)
    step = 2 * math.pi * hertz / RATE
    samples = array.array("h", (round(peak * math.sin(step * n)) for n in range(int(seconds * RATE))))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def read(path, channel=0):
    """The samples of one channel of a 16-bit recording at 8 kHz."""
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getsampwidth()) != (RATE, 2):
            raise ValueError(f"{path} has {file.getframerate()} Hz and {8 * file.getsampwidth()} bit")
        samples = array.array("h", file.readframes(file.getnframes()))
        return samples[channel :: file.getnchannels()]


def _window(samples, hertz):
    """Peak of the tone in a window (Goertzel), and the power of everything else."""
    turn = 2 * math.cos(2 * math.pi * hertz / RATE)
    one = two = total = 0.0
    for sample in samples:
        one, two = sample + turn * one - two, one
        total += sample * sample
    power = (one * one + two * two - turn * one * two) * 4 / len(samples) ** 2
    return math.sqrt(max(power, 0.0)), max(total / len(samples) - power / 2, 0.0)


def measure(samples, hertz, dbfs):
    """Where the tone sounds, how loud, and how clean.

    A window counts when the tone is within 6 dB of `dbfs`. `ms` is how long it sounds in all, `span_ms` from its first
    window to its last, `gap_ms` the longest time without it in between; `db` the median level against full scale,
    `snr_db` the median of tone over everything else in the same window.
    """
    expected = 32_767 * 10 ** (dbfs / 20)
    windows = [_window(samples[n : n + WINDOW], hertz) for n in range(0, len(samples) - WINDOW + 1, WINDOW)]
    heard = [n for n, (peak, _) in enumerate(windows) if expected / 2 < peak < expected * 2]
    if not heard:
        return {"ms": 0, "span_ms": 0, "gap_ms": 0, "begins_ms": None, "db": None, "snr_db": None}
    median = lambda values: sorted(values)[len(values) // 2]
    peak = median([windows[n][0] for n in heard])
    snr = median([windows[n][0] ** 2 / 2 / max(windows[n][1], 1.0) for n in heard])
    gaps = [later - earlier - 1 for earlier, later in zip(heard, heard[1:])]
    return {
        "ms": 20 * len(heard),
        "span_ms": 20 * (heard[-1] - heard[0] + 1),
        "gap_ms": 20 * max(gaps, default=0),
        "begins_ms": 20 * heard[0],
        "db": round(20 * math.log10(peak / 32_767), 1),
        "snr_db": round(10 * math.log10(snr), 1),
    }
