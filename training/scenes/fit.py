"""Fits the weights of `amd/fusion.rs`: `fit.py DUMP LABELS`.

DUMP is what `dering amd --json --explain --params undecided.yaml CASES/*.wav` prints: the evidence of every scene, with parameters by
which nothing is ever decided. Logistic regression with signs that are known beforehand (more speech is never a sign of a person),
every voice in one fold only; tells what the verdicts of `thresholds.rs` would be on the voices left out.
"""

import json
import pathlib
import sys

import numpy as np
from scipy.optimize import minimize

from with_whisper import share

STEP = 40
AT = np.arange(0, 15_040, STEP)
SAID = [0, 700, 1400, 2400, 4000, 7000]
SILENCE = [0, 300, 600, 1000, 1500, 2200]
UTTERANCE = [1000, 2500, 4500]
NAMES = [f"said {a}" for a in SAID[:-1]] + [f"silence {a}" for a in SILENCE[:-1]] + [f"utterance {a}" for a in UTTERANCE[:-1]]
NAMES += ["breath", "wait", "sound"]
SIGNS = [1] * 5 + [-1] * 5 + [1] * 3 + [-1, 1]
# Shrunk by hand: made greetings draw breath more regularly than people do.
FIXED = {NAMES.index("breath"): 0.6}
FOLDS = 6
# Voices that the network was trained with.
HEARD = ("espeak:", "prompts:it_IT_f_Menardi")
COSTS = {"person": 8.0, "machine": 1.0, "start": 0.12, "waiting": 0.007}


def timing(segments):
    """Over time: said, silence, longest utterance, breaths, waits; NaN before the first speech. As `Timing::of`."""
    out = np.full((len(AT), 5), np.nan)
    for n, now in enumerate(AT):
        begun = [(start, min(end, now)) for start, end in segments if start + 80 <= now]
        if not begun:
            continue
        since, longest, breaths, waits = begun[0][0], 0, 0, 0
        for (_, before), (start, _) in zip(begun, begun[1:]):
            pause = start - before
            breaths += 250 <= pause < 1600
            waits += pause >= 1800
            if pause >= 700:
                longest, since = max(longest, before - since), start
        said = sum(end - start for start, end in begun)
        out[n] = said, max(0, now - begun[-1][1]), max(longest, begun[-1][1] - since), min(breaths, 3), min(waits, 2)
    return out


def ramps(values, edges):
    return [np.clip(values - a, 0, b - a) / 1000 for a, b in zip(edges, edges[1:])]


class Scene:
    def __init__(self, evidence, events, label):
        segments = [(s["start_ms"], s["end_ms"]) for s in evidence["segments"]]
        self.is_machine, self.group = label["label"] == "machine", label["speakers"][0]
        self.onset, self.utterance_end = (segments or [(None, None)])[0][0], label["first_utterance_end_ms"]
        tones = [e["t_ms"] for e in events if e["event"] == "amd_machine_detected" and e["reason"] in ("tone", "sit", "fax")]
        self.tone, self.end = (tones or [10**9])[0], min(evidence["heard_ms"], AT[-1])
        self.timing = timing(segments)
        curve = evidence["machine_probability"]
        at = np.clip(np.searchsorted([s["at_ms"] for s in curve], AT, side="right") - 1, 0, None)
        sound = np.array([s["sound"] for s in curve])[at]
        said, silence, utterance, breaths, waits = self.timing.T
        parts = ramps(said, SAID) + ramps(silence, SILENCE) + ramps(utterance, UTTERANCE) + [breaths, waits, sound]
        self.inputs = np.stack(parts, axis=1)

    def rows(self):
        said, silence = self.timing[:, 0], self.timing[:, 1]
        counts = (said >= 200) & (silence < 2300) & (AT < min(self.end, self.tone)) & (AT < (self.onset or 0) + 10_000)
        over = np.flatnonzero(counts & (silence >= 2200))
        if len(over):
            counts[over[0] + 1 :] = False
        return self.inputs[np.flatnonzero(counts)[::2]]

    def verdict(self, weights):
        """What is said, when, and when a person was likely."""
        said, silence = np.nan_to_num(self.timing[:, 0]), np.nan_to_num(self.timing[:, 1])
        machine = 1 / (1 + np.exp(-(np.nan_to_num(self.inputs) @ weights[:-1] + weights[-1])))
        live, spoken = AT < self.end, ~np.isnan(self.timing[:, 0])
        accepted = lambda cost, waited: COSTS["waiting"] * waited / 100 / cost
        is_machine = spoken & (said >= 2400) & (1 - machine <= accepted(COSTS["person"], said))
        is_person = spoken & (silence >= 900) & (machine <= accepted(COSTS["machine"], silence))
        late = spoken & (silence >= 1980)
        even = COSTS["person"] / (COSTS["person"] + COSTS["machine"])
        likely = np.flatnonzero(live & spoken & (silence >= 360) & (machine <= accepted(COSTS["start"], silence)))
        likely = AT[likely[0]] if len(likely) else None
        told = np.flatnonzero(live & (is_machine | is_person | late | (self.tone <= AT)))
        if not len(told):
            last = np.flatnonzero(live & spoken)
            return (machine[last[-1]] >= even if len(last) else None), self.end, likely
        n = told[0]
        return bool(self.tone <= AT[n] or is_machine[n] or (not is_person[n] and machine[n] >= even)), AT[n], likely


def fit(scenes):
    """Weights and, last, the base."""
    rows = [(scene.rows(), scene.is_machine) for scene in scenes]
    rows = [(x, label) for x, label in rows if len(x)]
    x = np.concatenate([x for x, _ in rows])
    y = np.concatenate([np.full(len(x), float(label)) for x, label in rows])
    w = np.concatenate([np.full(len(x), 1 / len(x)) for x, _ in rows])
    for side in (0, 1):
        w[y == side] /= w[y == side].sum()
    scale = x.std(axis=0)

    def loss(v):
        z = x @ v[:-1] + v[-1]
        error = w * (1 / (1 + np.exp(-z)) - y)
        shrink = 1e-3 * (v[:-1] * scale) ** 2
        return (w * (np.logaddexp(0, z) - y * z)).sum() + shrink.sum(), np.append(x.T @ error + 2e-3 * v[:-1] * scale**2, error.sum())

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in SIGNS] + [(None, None)]
    start = np.zeros(len(bounds))
    for n, value in FIXED.items():
        bounds[n], start[n] = (value, value), value
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x


def tell(name, results):
    people, machines = ([r for r in results if r[0].is_machine == side] for side in (False, True))
    right = [r for r in people if r[1] is False]
    first = [min(r[2], r[3] or 10**9) - r[0].utterance_end for r in right]
    late = [r[2] - r[0].utterance_end for r in right]
    named = [r[2] - r[0].onset for r in machines if r[1] and r[0].onset is not None]
    quantiles = lambda values: f"{np.quantile(values, 0.5):.0f} / {np.quantile(values, 0.95):.0f} ms"
    print(f"\n{name}\n  person called machine  {share(sum(r[1] is True for r in people), len(people))}")
    print(f"  machine called person  {share(sum(r[1] is False for r in machines), len(machines))}")
    print(f"  first word {quantiles(first)}, person {quantiles(late)}, machine {quantiles(named)} (p50 / p95)")


def main():
    dump, labels = sys.argv[1:]
    known = {pathlib.Path(label["file"]).name: label for label in map(json.loads, open(labels))}
    scenes = []
    for line in map(json.loads, open(dump)):
        label = known.get(pathlib.Path(line["file"]).name)
        if label and label["label"] in ("human", "machine"):
            scenes.append(Scene(line["evidence"], line["events"], label))
    groups = sorted({scene.group for scene in scenes})
    np.random.default_rng(1).shuffle(groups)
    fold = {group: n % FOLDS for n, group in enumerate(groups)}
    unheard = [fit([s for s in scenes if fold[s.group] != n]) for n in range(FOLDS)]
    results = [(scene, *scene.verdict(unheard[fold[scene.group]])) for scene in scenes]
    print(f"{len(groups)} voices in {FOLDS} folds; each judged by weights that were fitted without it")
    tell("all", results)
    tell("that the network has not heard either", [r for r in results if not r[0].group.startswith(HEARD)])
    for source in sorted({group.split(":")[0] for group in groups}):
        tell(source, [r for r in results if r[0].group.split(":")[0] == source])
    for name, weight in zip(NAMES + ["base"], fit(scenes)):
        print(f"{name:16} {weight:+.2f}")


if __name__ == "__main__":
    main()
