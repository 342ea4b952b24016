#!/usr/bin/env python3
"""Makes telephone lines with known tones, and scores what the ear hears in them.

  tone_zoo.py make BANK.npz FOLDER [--beeps 600]      WAV files and truth.json
  ../target/release/examples/hear FOLDER/*.wav > heard.jsonl
  tone_zoo.py score FOLDER heard.jsonl

Beeps of 350 to 3400 Hz and 80 ms to 2 s, one or two frequencies, sharp or faded, 15 to 40 dB over noise, after
0.3 to 2.5 s of speech or first thing, in silence 0 to 16 dB below the speech, through mu-law, A-law, GSM or nothing.
Then information tones, fax, keys, ringback and busy of ten countries, and dial tone, none of which is a beep.
"""
import argparse
import collections
import json
import pathlib
import wave

import numpy as np

import make_calls as calls

RATE = 8000
CADENCES = {
    "us": ([440, 480], [2000, 4000]), "uk": ([400, 450], [400, 200, 400, 2000]), "de": ([425], [1000, 4000]),
    "fr": ([440], [1500, 3500]), "es": ([425], [1500, 3000]), "au": ([413, 438], [400, 200, 400, 2000]),
    "cn": ([450], [1000, 4000]), "br": ([425], [1000, 4000]),
}
BUSY = {"us": ([480, 620], [500, 500]), "de": ([425], [480, 480]), "uk": ([400], [375, 375]), "cn": ([450], [350, 350]), "es": ([425], [200, 200]), "us reorder": ([480, 620], [250, 250])}
SIT = [[950.0, 1400.0, 1800.0], [913.8, 1370.6, 1776.7], [985.2, 1370.6, 1776.7], [913.8, 1428.5, 1776.7], [985.2, 1428.5, 1776.7]]
KEYS = {k: (r, c) for k, r, c in zip("123A456B789C*0#D", np.repeat([697, 770, 852, 941], 4), np.tile([1209, 1336, 1477, 1633], 4))}


def tone(hz, ms, db, ramp=5.0, rng=None):
    t = np.arange(int(ms * 8)) / RATE
    x = sum(np.sin(2 * np.pi * f * t + (rng.uniform(0, 6) if rng else 0)) for f in hz)
    x *= 32768 * 10 ** (db / 20) / np.sqrt(len(hz) / 2)
    n = min(max(int(ramp * 8), 1), len(x) // 2)
    x[:n] *= np.linspace(0, 1, n)
    x[-n:] *= np.linspace(1, 0, n)
    return x


def line(rng, parts, noise_db):
    """Parts are (start in ms, samples); the codec is drawn; returns samples and the codec's name."""
    n = max(int(at * 8) + len(x) for at, x in parts) + RATE
    y = rng.standard_normal(n - n % 160) * 32768 * 10 ** (noise_db / 20)
    for at, x in parts:
        y[int(at * 8) : int(at * 8) + len(x)] += x[: len(y) - int(at * 8)]
    codec = ["ulaw", "alaw", "gsm", "none"][rng.choice(4, p=[0.3, 0.2, 0.35, 0.15])]
    y = {"ulaw": calls.ulaw, "alaw": lambda y: calls.ulaw(y, True), "gsm": lambda y: calls.gsm(np.clip(y, -32768, 32767)), "none": lambda y: y}[codec](y)
    return np.clip(np.resize(y, n - n % 160), -32768, 32767).astype("<i2"), codec


def make(a):
    calls.load(a.bank)
    rng = np.random.default_rng(a.seed)
    out = pathlib.Path(a.folder)
    out.mkdir(parents=True, exist_ok=True)
    truth = []

    def save(parts, noise_db, **about):
        y, codec = line(rng, parts, noise_db)
        name = f"{len(truth):04}"
        with wave.open(str(out / f"{name}.wav"), "w") as f:
            f.setnchannels(1), f.setsampwidth(2), f.setframerate(RATE)
            f.writeframes(y.tobytes())
        truth.append(dict(id=name, codec=codec, **about))

    for _ in range(a.beeps):
        db = rng.uniform(-40, -8)
        snr = rng.uniform(15, 40)
        hz = [float(rng.uniform(350, 3400))]
        if rng.random() < 0.25:
            hz.append(float(rng.uniform(350, 2500)))
            if abs(hz[0] - hz[1]) < 80:
                hz[1] = hz[0] * 1.5 if hz[0] < 2000 else hz[0] / 1.5
        ms = float(rng.choice([80, 100, 120, 150, 200, 300, 400, 700, 1000, 2000]))
        parts, at = [], 300.0
        if rng.random() < 0.85:
            _, c = calls.any_line(rng, "greeting")
            x = calls.respeak(c[0], rng.uniform(0.82, 1.22))
            speech = calls.level(x, min(db + rng.uniform(0, 16), -8))
            parts.append((at, speech))
            at += len(speech) / 8 + rng.uniform(200, 1600)
        else:
            at += rng.uniform(300, 2000)
        ramp = float(rng.choice([2, 5, 10, 20]))
        parts.append((at, tone(hz, ms, db, ramp, rng)))
        save(parts, max(db - snr, -75), kind="beep", hz=hz, ms=ms, db=db, snr=snr, start=at, end=at + ms, said=len(parts) > 1)
    for n in range(a.others):
        db = rng.uniform(-35, -10)
        noise = db - rng.uniform(18, 40)
        which = ["sit", "cng", "ced", "key", "ringback", "busy", "dial"][n % 7]
        at, parts, about = rng.uniform(200, 1500), [], {}
        if which == "sit":
            hz = SIT[rng.integers(len(SIT))]
            for f in hz:
                ms = rng.uniform(270, 390)
                parts.append((at, tone([f * rng.uniform(0.997, 1.003)], ms, db)))
                at += ms + rng.uniform(0, 20)
        elif which == "cng":
            for _ in range(2):
                parts.append((at, tone([rng.uniform(1085, 1115)], 500, db)))
                at += 3500
        elif which == "ced":
            parts.append((at, tone([rng.uniform(2090, 2110)], rng.uniform(1500, 3500), db)))
        elif which == "key":
            about["key"] = str(rng.choice(list(KEYS)))
            hz = KEYS[about["key"]]
            parts.append((at, tone(hz, rng.uniform(60, 300), db)))
        elif which == "dial":
            parts.append((at, tone([350, 440], rng.uniform(1500, 3000), db)))
        else:
            country, (hz, cadence) = list((CADENCES if which == "ringback" else BUSY).items())[rng.integers(6)]
            about["country"] = country
            while at < 7000:
                for k, ms in enumerate(cadence):
                    if k % 2 == 0:
                        parts.append((at, tone(hz, ms, db)))
                    at += ms
        save(parts, noise, kind=which, start=parts[0][0], end=parts[-1][0] + len(parts[-1][1]) / 8, **about)
    json.dump(truth, open(out / "truth.json", "w"))


def score(a):
    truth = {t["id"]: t for t in json.load(open(pathlib.Path(a.folder) / "truth.json"))}
    found, false, delays, ends, pitch = collections.defaultdict(list), [], [], [], []
    typed = collections.defaultdict(collections.Counter)
    for text in open(a.heard):
        heard = json.loads(text)
        t = truth[heard["id"]]
        tones = [dict(x["tone"], told=x["told_ms"], ended=x.get("ended_ms")) for x in heard["tones"]]
        beeps = [x for x in tones if x["kind"] == "beep"]
        if t["kind"] != "beep":
            kinds = [next(iter(x["kind"])) if isinstance(x["kind"], dict) else x["kind"] for x in tones]
            typed[t["kind"]][" ".join(kinds[:3]) + (" …" if len(kinds) > 3 else "")] += 1
            false += [(t["id"], t["kind"], t.get("country"), round(x["hz"][0]), x["start_ms"]) for x in beeps]
            continue
        mine = [x for x in beeps if t["start"] - 40 <= x["start_ms"] <= t["end"]]
        false += [(t["id"], "speech", t["codec"], round(x["hz"][0]), x["start_ms"]) for x in beeps if x not in mine]
        group = "gsm" if t["codec"] == "gsm" else "g711, none"
        found[group].append(bool(mine))
        found[group + (" pair" if len(t["hz"]) > 1 else " one")].append(bool(mine))
        if mine:
            delays.append(mine[0]["told"] - t["start"])
            ends.append(mine[-1]["end_ms"] - t["end"] if mine[-1].get("end_ms") else 9e3)
            pitch.append(min(abs(mine[0]["hz"][0] - f) for f in t["hz"]))
        elif a.misses:
            print("missed", t["id"], t["codec"], [round(f) for f in t["hz"]], t["ms"], "ms snr", round(t["snr"]), "said", t["said"], "heard", [(x["kind"], round(x["hz"][0]), round(x["hz"][1]), x["start_ms"] - round(t["start"])) for x in tones])
    for group, values in sorted(found.items()):
        print(f"beeps {group}: {sum(values)} of {len(values)} ({100 * np.mean(values):.1f} %)")
    q = lambda v, k: np.percentile(v, k)
    print(f"told after the onset: p50 {q(delays, 50):.0f} p95 {q(delays, 95):.0f} worst {max(delays):.0f} ms; over 150 ms: {np.mean(np.array(delays) > 150):.3f}")
    print(f"|end error|: p50 {q(np.abs(ends), 50):.0f} p95 {q(np.abs(ends), 95):.0f} ms; over 60 ms: {np.mean(np.abs(ends) > 60):.3f}; pitch error p95 {q(pitch, 95):.1f} Hz")
    print("false beeps", len(false), false[:12])
    for kind, kinds in typed.items():
        print(kind, dict(kinds.most_common(6)))


def main():
    p = argparse.ArgumentParser()
    s = p.add_subparsers(dest="what", required=True)
    m = s.add_parser("make")
    m.add_argument("bank"), m.add_argument("folder")
    m.add_argument("--beeps", type=int, default=600), m.add_argument("--others", type=int, default=210), m.add_argument("--seed", type=int, default=4)
    c = s.add_parser("score")
    c.add_argument("folder"), c.add_argument("heard"), c.add_argument("--misses", action="store_true")
    a = p.parse_args()
    make(a) if a.what == "make" else score(a)


if __name__ == "__main__":
    main()
