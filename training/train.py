#!/usr/bin/env python3
"""Trains the small recurrent model on the measured calls and writes it as text.

  train.py CALLS_FOLDER MODEL.txt [--units 48] [--epochs 30] [--hold-out-language de,id] [--hold-out-voices a,b]

CALLS_FOLDER holds calls.npz (make_calls.py), features.f32 and steps.txt (amd_features). At every 40 ms
step after the first speech the model says how likely a machine is, from all it has heard so far.
"""
import argparse
import pathlib
import time

import numpy as np

INPUTS, STEP_MS, LEAD, LONGEST = 42, 40, 5, 152
# The input that tells whether speech was heard.
HEARD = 40


def load(folder):
    folder = pathlib.Path(folder)
    z = dict(np.load(folder / "calls.npz"))
    steps = np.loadtxt(folder / "steps.txt", dtype=int)
    flat = np.fromfile(folder / "features.f32", dtype="<f4").reshape(-1, INPUTS)
    z["features"] = np.split(flat, np.cumsum(steps)[:-1])
    return z


def cut(z, row):
    """The steps of one call that decide, from 200 ms before the first speech the detector took for such."""
    f = z["features"][row]
    known = f[:, HEARD] > -0.4
    begins = np.flatnonzero(known[1:] & ~known[:-1]) + 1
    begins = begins[begins * STEP_MS <= z["first_end"][row] + 300]
    start = max((int(begins[-1]) if len(begins) else 0) - LEAD, 0)
    end = min(int(min(z["first_end"][row] + 2200, z["decides"][row]) / STEP_MS), start + LONGEST)
    return start, max(end, start + 10)


def arrays(z, rows):
    x = np.zeros((len(rows), LONGEST, INPUTS), np.float32)
    w = np.zeros((len(rows), LONGEST), np.float32)
    n = np.zeros(len(rows), int)
    for i, row in enumerate(rows):
        start, end = cut(z, row)
        f = z["features"][row][start:end]
        n[i] = len(f)
        x[i, : len(f)] = f
        w[i, LEAD + 3 : len(f)] = 1
    return x, w, z["label"][rows].astype(np.float32), n


def init(units, rng):
    scale = lambda rows, cols: (rng.standard_normal((rows, cols)) / rows ** 0.5).astype(np.float32)
    bias = np.zeros(3 * units, np.float32)
    bias[:units] = 1.0
    return {"input": scale(INPUTS, 3 * units), "state": scale(units, 3 * units), "bias": bias,
            "out": scale(units, 1) * 0.1, "out_bias": np.zeros(1, np.float32)}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def forward(p, x):
    """Logits [time, call] of a gated recurrent unit (gates keep, reset, new), and what the way back needs."""
    units = p["state"].shape[0]
    gates = x @ p["input"] + p["bias"]
    h = np.zeros((x.shape[1], units), np.float32)
    kept, logits = [], np.zeros(x.shape[:2], np.float32)
    for t in range(len(x)):
        r = h @ p["state"]
        zs = sigmoid(gates[t, :, : 2 * units] + r[:, : 2 * units])
        z, s = zs[:, :units], zs[:, units:]
        n = np.tanh(gates[t, :, 2 * units :] + s * r[:, 2 * units :])
        kept.append((h, z, s, n, r[:, 2 * units :]))
        h = z * h + (1 - z) * n
        logits[t] = h @ p["out"][:, 0] + p["out_bias"][0]
    return logits, (kept, h)


def gradient(p, x, w, y):
    """Loss and its gradient, by hand: cross entropy per step, weighted, averaged per call."""
    units = p["state"].shape[0]
    logits, (kept, last) = forward(p, x)
    chance = sigmoid(logits)
    target = y * 0.98 + 0.01
    weight = w / (w.sum(0) + 5.0) / x.shape[1]
    value = -(weight * (target * np.log(chance + 1e-7) + (1 - target) * np.log(1 - chance + 1e-7))).sum()
    d_logit = weight * (chance - target)
    d_gates = np.zeros((*x.shape[:2], 3 * units), np.float32)
    d_inner = np.zeros_like(d_gates)
    out = p["out"][:, 0]
    d_out = np.zeros(units, np.float32)
    state_t = np.ascontiguousarray(p["state"].T)
    dh = np.zeros_like(last)
    h_after = last
    for t in range(len(x) - 1, -1, -1):
        h, z, s, n, rn = kept[t]
        d_out += d_logit[t] @ h_after
        dh = dh + d_logit[t][:, None] * out
        dn = dh * (1 - z) * (1 - n * n)
        d_gates[t, :, :units] = dh * (h - n) * z * (1 - z)
        d_gates[t, :, units : 2 * units] = dn * rn * s * (1 - s)
        d_gates[t, :, 2 * units :] = dn
        d_inner[t] = d_gates[t]
        d_inner[t, :, 2 * units :] *= s
        dh = dh * z + d_inner[t] @ state_t
        h_after = h
    before = np.stack([k[0] for k in kept])
    flat = lambda a: a.reshape(-1, a.shape[-1])
    grads = {"input": flat(x).T @ flat(d_gates), "state": flat(before).T @ flat(d_inner), "bias": d_gates.sum((0, 1)),
             "out": d_out[:, None], "out_bias": np.array([d_logit.sum()])}
    return value, grads


def main():
    a = argparse.ArgumentParser()
    a.add_argument("calls")
    a.add_argument("model")
    a.add_argument("--units", type=int, default=48)
    a.add_argument("--epochs", type=int, default=30)
    a.add_argument("--seconds", type=float, default=1e9)
    a.add_argument("--start", help="a model to go on from")
    a.add_argument("--rate", type=float, default=6e-3)
    a.add_argument("--hold-out-language", default="")
    a.add_argument("--hold-out-voices", default="")
    a = a.parse_args()
    parts = [load(folder) for folder in a.calls.split(",")]
    z = {k: sum([q[k] for q in parts], []) if k == "features" else np.concatenate([q[k] for q in parts]) for k in parts[0]}
    held = np.isin(z["language"], a.hold_out_language.split(",")) | np.isin(z["voice"], a.hold_out_voices.split(","))
    rng = np.random.default_rng(7)
    order = rng.permutation(len(z["label"]))
    rows = order[~held[order]]
    check = order[held[order]][:600] if held.any() else rows[:500]
    rows = rows if held.any() else rows[500:]
    params = read(a.start) if a.start else init(a.units, rng)
    size = 192
    x, w, y, steps = arrays(z, np.arange(len(z["label"])))
    moments = {k: (np.zeros_like(v), np.zeros_like(v)) for k, v in params.items()}
    began, update, total = time.time(), 0, a.epochs * (len(rows) // size)
    for epoch in range(a.epochs):
        order = rng.permutation(rows)
        # Calls of like length go together, so that little time is spent on padding.
        order = order[np.argsort(steps[order] + rng.uniform(0, 20, len(order)))]
        batches = [order[n : n + size] for n in range(0, len(order) - size // 2, size)]
        rng.shuffle(batches)
        values = []
        for chosen in batches:
            length = int(steps[chosen].max())
            part = x[chosen, :length].copy()
            # Another line, another filter: a tilt, a gain and an unevenness per call.
            many = len(chosen)
            tilt = rng.normal(0, 0.15, (many, 1, 1)) * np.linspace(-1, 1, 16)[None, None, :]
            colour = tilt + rng.normal(0, 0.1, (many, 1, 1)) + rng.normal(0, 0.06, (many, 1, 16))
            part[..., :32] += np.concatenate([colour, colour], 2).astype(np.float32)
            drop = (rng.random((many, 1, 42)) > 0.03).astype(np.float32)
            value, grads = gradient(params, np.swapaxes(part * drop, 0, 1).copy(), w[chosen, :length].T.copy(), y[chosen])
            norm = np.sqrt(sum(float((g ** 2).sum()) for g in grads.values()))
            rate = a.rate * min(1.0, (update + 1) / 50) * 0.5 * (1 + np.cos(np.pi * min(update / total, 1)))
            update += 1
            for k, g in grads.items():
                g = g * min(1.0, 1.0 / (norm + 1e-9)) + 2e-5 * params[k]
                m, v = moments[k]
                m[...] = 0.9 * m + 0.1 * g
                v[...] = 0.999 * v + 0.001 * g * g
                params[k] = (params[k] - rate * (m / (1 - 0.9 ** update)) / (np.sqrt(v / (1 - 0.999 ** update)) + 1e-8)).astype(np.float32)
            values.append(value)
        logits, _ = forward(params, np.swapaxes(x[check], 0, 1))
        use = w[check].T > 0
        right = ((logits > 0) == (y[check] > 0)) & use
        print(f"epoch {epoch} loss {np.mean(values):.4f} held out {right.sum() / use.sum():.3f} {time.time() - began:.0f} s", flush=True)
        save(params, a.model)
        if time.time() - began > a.seconds:
            break


def read(path):
    params = {}
    for line in open(path):
        name, *numbers = line.split()
        if name == "units":
            units = int(numbers[0])
        elif name != "#":
            params[name] = np.array(numbers, np.float32)
    shapes = {"input": (INPUTS, 3 * units), "state": (units, 3 * units), "out": (units, 1)}
    return {k: v.reshape(shapes.get(k, v.shape)) for k, v in params.items()}


def save(params, path):
    units = params["state"].shape[0]
    with open(path, "w") as f:
        f.write("# Recurrent model of answering-machine detection: see docs/amd.md. Made by training/train.py.\n")
        f.write(f"units {units} inputs {INPUTS}\n")
        for name in ["input", "state", "bias", "out", "out_bias"]:
            v = np.array(params[name]).reshape(-1)
            f.write(name + " " + " ".join(f"{x:.3g}" for x in v) + "\n")


if __name__ == "__main__":
    main()
