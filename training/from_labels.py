#!/usr/bin/env python3
"""Brings a labelled corpus (one JSON object per line: file, label, segments, …) into the form of make_calls.py.

  from_labels.py LABELS.jsonl OUT_FOLDER [--repeat 4]

Only people and machines that speak; the rest is decided by tones and timers. With --repeat every call comes
several times, at other levels and, for all but the first, at 0.88 to 1.15 times the speed.
"""
import argparse
import json
import pathlib
import wave

import numpy as np


def main():
    p = argparse.ArgumentParser()
    p.add_argument("labels")
    p.add_argument("out")
    p.add_argument("--repeat", type=int, default=1)
    a = p.parse_args()
    rng = np.random.default_rng(5)
    out = pathlib.Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(a.labels).parent
    rows = []
    with open(out / "samples.raw", "wb") as raw, open(out / "lengths.txt", "w") as lengths:
        for line in open(a.labels):
            case = json.loads(line)
            if case["label"] not in ("human", "machine") or not case["segments"]:
                continue
            with wave.open(str(folder / case["file"])) as f:
                x = np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float64)
            for n in range(a.repeat):
                factor = 1.0 if n == 0 else rng.uniform(0.88, 1.15)
                y = np.interp(np.arange(0, len(x) - 1, factor), np.arange(len(x)), x)
                y = np.clip(y * (1.0 if n == 0 else 10 ** (rng.uniform(-8, 4) / 20)), -32768, 32767)
                raw.write(y.astype("<i2").tobytes())
                lengths.write(f"{len(y)}\n")
                ms = lambda t: int(t / factor)
                end = case["beeps"][0]["start_ms"] if case["beeps"] else case["duration_ms"]
                speakers = case["speakers"] or ["?"]
                rows.append((int(case["label"] == "machine"), case["language"], speakers[0], ms(case["segments"][0]["start_ms"]), ms(case["first_utterance_end_ms"]), ms(end)))
    label, language, voice, onset, first_end, decides = zip(*rows)
    np.savez(out / "calls.npz", label=label, language=language, voice=voice, onset=onset, first_end=first_end, decides=decides)


if __name__ == "__main__":
    main()
