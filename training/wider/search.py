#!/usr/bin/env python3
"""Searches the thresholds of judge.rs on a labelled corpus, every case judged by a model that never heard its speaker.

  search.py LABELS.jsonl MEASURED_FOLDER --fold MODEL.txt=speaker,speaker [--fold …] [--draws 1500] [--by language] [--use FILE]

MEASURED_FOLDER is ../from_labels.py's (--repeat 1) with features.f32 and steps.txt. Each --fold names the model
trained with --hold-out-voices of those speakers (patterns; or --hold-out-language with --by language). The cost
counts a person called a machine three times, and every latency over its goal a little. Besides the thresholds
found on all cases it prints the nested figures: each fold judged by thresholds searched on the other folds.
--use takes thresholds that an earlier run printed and only judges.
"""
import argparse
import fnmatch
import json

import numpy as np

import train

SPEECH, SILENCE, SAID, HEARD = 32, 35, 38, 40
HUMAN_MS, MACHINE_MS, LATE_MS = (360, 480, 640, 880, 1300), (600, 1000, 1800, 3000, 4500, 6300), 1980


def curve(params, f):
    """The probability of a machine at every step, as judge.rs runs the model: from 200 ms before speech."""
    p = np.full(len(f), 0.5)
    known = np.flatnonzero(f[:, HEARD] > -0.4)
    if len(known):
        start = max(known[0] - train.LEAD, 0)
        p[start:] = train.sigmoid(train.forward(params, f[start:, None, :])[:, 0])
    return p


def cases(labels, z, folds, by):
    rows = [r for r in map(json.loads, open(labels)) if r["label"] in ("human", "machine") and r["segments"]]
    for n, r in enumerate(rows):
        if r["subtype"] == "sit_announcement":
            continue
        group = r["language"] if by == "language" else (r["speakers"] or ["?"])[0]
        fold = next((k for k, (m, members) in enumerate(folds) if any(fnmatch.fnmatch(group, p) for p in members)), None)
        if fold is None:
            continue
        f = z["features"][n]
        ms = (np.arange(len(f)) + 1) * train.STEP_MS
        beep = r["beeps"][0]["start_ms"] + 80 if r["beeps"] else np.inf
        yield dict(r=r, fold=fold, human=r["label"] == "human", p=curve(folds[fold][0], f), ms=ms, beep=beep,
                   open=(f[:, HEARD] > -0.4) & (ms < beep), silence=f[:, SILENCE] * 1000 * (f[:, SPEECH] == 0),
                   said=f[:, SAID] * 5000, onset=r["segments"][0]["start_ms"], first_end=r["first_utterance_end_ms"])


def pack(all_cases):
    """The cases as one table of steps, padded with steps at which nothing can be decided."""
    longest = max(len(c["ms"]) for c in all_cases)
    table = {}
    for k, fill in [("p", 0.5), ("open", False), ("silence", 0.0), ("said", 0.0)]:
        table[k] = np.array([np.pad(c[k], (0, longest - len(c[k])), constant_values=fill) for c in all_cases])
    for k in ["human", "beep", "onset", "first_end", "fold"]:
        table[k] = np.array([c[k] for c in all_cases])
    return table


def verdicts(thresholds, t):
    """For every case: 1 human, -1 machine, 0 undecided; and when."""
    human, machine, late = thresholds
    m = np.zeros(t["p"].shape, bool)
    for ms, p in zip(MACHINE_MS, machine):
        m |= (t["said"] >= ms) & (t["p"] >= p)
    h = np.zeros_like(m)
    for ms, p in zip(HUMAN_MS, human):
        h |= (t["silence"] >= ms) & (t["p"] <= p)
    in_the_end = t["silence"] >= LATE_MS
    m = (m | (in_the_end & (t["p"] >= late))) & t["open"]
    h = (h | (in_the_end & (t["p"] < late))) & t["open"] & ~m
    at = np.argmax(m | h, 1)
    rows = np.arange(len(at))
    verdict = np.where(h[rows, at], 1, np.where(m[rows, at], -1, 0))
    when = np.where(verdict != 0, (at + 1) * train.STEP_MS, t["beep"])
    return np.where((verdict == 0) & np.isfinite(t["beep"]), -1, verdict), when


def sums(t, verdict, when):
    people, q = t["human"], lambda v, k: float(np.percentile(v, k)) if len(v) else 0.0
    human_ms = (when - t["first_end"])[people & (verdict == 1)]
    machine_ms = (when - t["onset"])[~people & (verdict == -1)]
    return (int((people & (verdict == -1)).sum()), int((~people & (verdict == 1)).sum()), int((verdict == 0).sum()),
            q(human_ms, 50), q(human_ms, 95), q(machine_ms, 50), q(machine_ms, 95))


def cost(r):
    late = max(r[3] - 430, 0) / 30 + max(r[4] - 900, 0) / 120 + max(r[5] - 1800, 0) / 300 + max(r[6] - 3000, 0) / 700
    return 3 * r[0] + r[1] + 2 * r[2] + late


def search(t, draws, rng):
    best = None
    for n in range(draws):
        if n < draws // 3 or best is None:
            human, machine, late = rng.uniform(0.02, 0.95, len(HUMAN_MS)), rng.uniform(0.55, 0.999, len(MACHINE_MS)), rng.uniform(0.5, 0.97)
        else:
            human, machine, late = best[1]
            width = 0.12 if n < 2 * draws // 3 else 0.04
            pick = lambda v: rng.random(len(v)) < 0.4
            human = np.clip(human + pick(human) * rng.normal(0, width, len(human)), 0.01, 0.97)
            machine = np.clip(machine + pick(machine) * rng.normal(0, width / 3, len(machine)), 0.3, 0.9995)
            late = float(np.clip(late + rng.normal(0, width), 0.4, 0.99))
        thresholds = np.sort(human), np.sort(machine)[::-1], late
        value = cost(sums(t, *verdicts(thresholds, t)))
        if best is None or value < best[0]:
            best = value, thresholds
    return best[1]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("labels")
    a.add_argument("measured")
    a.add_argument("--fold", action="append", required=True)
    a.add_argument("--by", choices=["speaker", "language"], default="speaker")
    a.add_argument("--draws", type=int, default=1500)
    a.add_argument("--use")
    a.add_argument("--save")
    a.add_argument("--nested", action="store_true")
    a = a.parse_args()
    folds = [(train.read(model), members.split(",")) for model, members in (f.split("=") for f in a.fold)]
    data = list(cases(a.labels, train.load(a.measured), folds, a.by))
    t = pack(data)
    rng = np.random.default_rng(1)
    if a.use:
        human, machine, late = json.load(open(a.use))
        thresholds = np.array(human), np.array(machine), late
    else:
        thresholds = search(t, a.draws, rng)
    if a.save:
        json.dump([thresholds[0].round(3).tolist(), thresholds[1].round(3).tolist(), round(float(thresholds[2]), 3)], open(a.save, "w"))
    print("human called machine, machine called human, undecided, human p50, p95, machine p50, p95 ms:")
    verdict, when = verdicts(thresholds, t)
    print("these thresholds:", sums(t, verdict, when), f"of {t['human'].sum()} people and {(~t['human']).sum()} machines")
    for k, (_, members) in enumerate(folds):
        mine = t["fold"] == k
        part = {key: v[mine] for key, v in t.items()}
        print("  ", a.fold[k].split("=")[1], sums(part, verdict[mine], when[mine]), "of", part["human"].sum(), (~part["human"]).sum())
    if a.nested:
        verdict, when = np.zeros_like(verdict), np.zeros_like(when)
        for k in range(len(folds)):
            mine = t["fold"] == k
            other = search({key: v[~mine] for key, v in t.items()}, a.draws // 2, rng)
            verdict[mine], when[mine] = verdicts(other, {key: v[mine] for key, v in t.items()})
        print("nested:", sums(t, verdict, when))
        verdict, when = verdicts(thresholds, t)
    print("human", dict(zip(HUMAN_MS, thresholds[0].round(3))), "machine", dict(zip(MACHINE_MS, thresholds[1].round(3))), "late", round(thresholds[2], 3))
    p = np.concatenate([c["p"][c["open"]] for c in data])
    y = np.concatenate([np.full(c["open"].sum(), not c["human"]) for c in data])
    bins = np.minimum((p * 10).astype(int), 9)
    ece = sum(abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in range(10) if (bins == b).any())
    at = [min(int(w / train.STEP_MS) - 1, len(c["p"]) - 1) for c, w in zip(data, when) if np.isfinite(w)]
    pv = np.array([c["p"][k] for c, k in zip(data, at)])
    yv = np.array([not c["human"] for c, w in zip(data, when) if np.isfinite(w)])
    bv = np.minimum((pv * 5).astype(int), 4)
    ece_v = sum(abs(pv[bv == b].mean() - yv[bv == b].mean()) * (bv == b).mean() for b in range(5) if (bv == b).any())
    print(f"ECE over steps {ece:.3f}, at the verdict {ece_v:.3f}")
    wrong = [(c["r"]["id"], round(float(c["p"][min(int(w / 40) - 1, len(c["p"]) - 1)]), 2), int(w - c["onset"])) for c, v, w in zip(data, verdict, when) if v != (1 if c["human"] else -1) and np.isfinite(w)]
    print("misses", wrong)


if __name__ == "__main__":
    main()
