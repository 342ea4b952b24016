#!/usr/bin/env python3
"""Searches the thresholds of thresholds.rs on a labelled corpus, every case judged by a model that never heard its speaker.

  search.py LABELS.jsonl MEASURED_FOLDER --fold MODEL.txt=speaker,speaker [--fold …] [--draws 900] [--by language]

MEASURED_FOLDER is from_labels.py's (--repeat 1) with features.f32 and steps.txt. Each --fold names the model
trained with --hold-out-voices of those speakers (or --hold-out-language with --by language). The cost counts
a person called a machine three times, and every latency over its goal a little.
"""
import argparse

import numpy as np

import train

SILENCE, SAID, HEARD = 35, 38, 40
# The silences of `likely` and of `human` in thresholds.rs: a person may be spoken to, and is named. They share their
# probabilities, which were searched with the first row for both and machines from 900 and 1800 ms on.
LIKELY_MS, HUMAN_MS = (360, 600, 880, 1300), (900, 1000, 1100, 1300)
MACHINE_MS, LATE_MS = (2400, 2700, 3000, 4500, 6300), 1980


def curve(params, f):
    """The probability of a machine at every step, as judge.rs runs the model: from 200 ms before speech."""
    p = np.full(len(f), 0.5)
    known = np.flatnonzero(f[:, HEARD] > -0.4)
    if len(known):
        start = max(known[0] - train.LEAD, 0)
        logits, _ = train.forward(params, f[start:, None, :])
        p[start:] = train.sigmoid(logits[:, 0])
    return p


def cases(labels, z, folds, by):
    import json

    rows = [r for r in map(json.loads, open(labels)) if r["label"] in ("human", "machine") and r["segments"]]
    for n, r in enumerate(rows):
        if r["subtype"] == "sit_announcement":
            continue
        group = r["language"] if by == "language" else (r["speakers"] or ["?"])[0]
        model = next((m for m, members in folds if group in members), None)
        if model is None:
            continue
        f = z["features"][n]
        ms = (np.arange(len(f)) + 1) * train.STEP_MS
        beep = r["beeps"][0]["start_ms"] + 80 if r["beeps"] else np.inf
        yield dict(id=r["id"], human=r["label"] == "human", p=curve(model, f), ms=ms, beep=beep,
                   open=(f[:, HEARD] > -0.4) & (ms < beep), silence=f[:, SILENCE] * 1000 * (f[:, 32] == 0),
                   said=f[:, SAID] * 5000, onset=r["segments"][0]["start_ms"], first_end=r["first_utterance_end_ms"])


def play(thresholds, all_cases):
    human, machine, late = thresholds
    wrong_human, wrong_machine, undecided, human_ms, machine_ms, misses = 0, 0, 0, [], [], []
    for c in all_cases:
        m = np.logical_or.reduce([(c["said"] >= ms) & (c["p"] >= p) for ms, p in zip(MACHINE_MS, machine)])
        h = np.logical_or.reduce([(c["silence"] >= ms) & (c["p"] <= p) for ms, p in zip(HUMAN_MS, human)])
        in_the_end = c["silence"] >= LATE_MS
        m = (m | (in_the_end & (c["p"] >= late))) & c["open"]
        h = (h | (in_the_end & (c["p"] < late))) & c["open"] & ~m
        if (m | h).any():
            at = int(np.argmax(m | h))
            verdict, t = bool(h[at]), c["ms"][at]
        elif np.isfinite(c["beep"]):
            verdict, t = False, c["beep"]
        else:
            undecided += 1
            misses.append(c["id"])
            continue
        if verdict != c["human"]:
            misses.append(c["id"])
            wrong_human += c["human"]
            wrong_machine += not c["human"]
        elif verdict:
            human_ms.append(t - c["first_end"])
        else:
            machine_ms.append(t - c["onset"])
    q = lambda v, k: float(np.percentile(v, k)) if v else 9e9
    return wrong_human, wrong_machine, undecided, q(human_ms, 50), q(human_ms, 95), q(machine_ms, 50), q(machine_ms, 95), misses


def cost(r):
    sooner = HUMAN_MS[0] - LIKELY_MS[0]
    late = max(r[3] - sooner - 450, 0) / 50 + max(r[4] - sooner - 900, 0) / 300
    late += max(r[5] - 2500, 0) / 400 + max(r[6] - 6000, 0) / 1500
    return 3 * r[0] + r[1] + r[2] + late


def main():
    a = argparse.ArgumentParser()
    a.add_argument("labels")
    a.add_argument("measured")
    a.add_argument("--fold", action="append", required=True)
    a.add_argument("--by", choices=["speaker", "language"], default="speaker")
    a.add_argument("--draws", type=int, default=900)
    a = a.parse_args()
    folds = [(train.read(model), members.split(",")) for model, members in (f.split("=") for f in a.fold)]
    data = list(cases(a.labels, train.load(a.measured), folds, a.by))
    rng = np.random.default_rng(1)
    best = None
    for n in range(a.draws):
        if n < a.draws // 2:
            human, machine, late = rng.uniform(0.02, 0.9, 4), rng.uniform(0.6, 0.999, 4), rng.uniform(0.5, 0.97)
        else:
            (human, machine, late) = best[1]
            human = np.clip(human + rng.normal(0, 0.06, 4), 0.01, 0.97)
            machine = np.clip(machine[:4] + rng.normal(0, 0.02, 4), 0.5, 0.9995)
            late = float(np.clip(late + rng.normal(0, 0.05), 0.4, 0.99))
        thresholds = np.sort(human), np.append(np.sort(machine)[::-1], 0.3), late
        result = play(thresholds, data)
        if best is None or cost(result) < best[0]:
            best = cost(result), thresholds, result
    print("human called machine, machine called human, undecided, human p50, p95, machine p50, p95 ms:")
    print(best[2][:7], f"of {sum(c['human'] for c in data)} people and {sum(not c['human'] for c in data)} machines")
    print("human", dict(zip(HUMAN_MS, best[1][0].round(3))), "machine", dict(zip(MACHINE_MS, best[1][1].round(3))), "late", round(best[1][2], 3))
    print("misses", *best[2][7])


if __name__ == "__main__":
    main()
