#!/usr/bin/env python3
"""Trains the small recurrent model on the measured calls and writes it as text.

  train.py CALLS_FOLDER,… MODEL.txt [--units 64] [--epochs 12] [--hold-out-voices 'jackson,*_Allison'] [--hold-out-language de,id]

CALLS_FOLDER holds calls.npz (make_calls.py), features.f32 and steps.txt (amd_features). At every 40 ms step
after the first speech the model says how likely a machine is, from all it has heard so far. The weights
written are the running average of those of the last updates. Seeds are fixed: the same calls, versions and
threads give the same model.
"""
import argparse
import fnmatch
import os
import pathlib
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
import numpy as np

INPUTS, BANDS, STEP_MS, LEAD, LONGEST = 42, 32, 40, 5, 152
# The inputs that tell how long it has been silent, and whether speech was heard.
SILENCE, HEARD = 35, 40


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
        # Verdicts fall in silence: those steps count twice.
        w[i, LEAD + 3 : len(f)] = 1 + (f[LEAD + 3 :, SILENCE] > 0.3)
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
    """Logits [time, call] of a gated recurrent unit (gates keep, reset, new), as net.rs computes them."""
    units = p["state"].shape[0]
    gates = x @ p["input"] + p["bias"]
    h = np.zeros((x.shape[1], units), np.float32)
    logits = np.zeros(x.shape[:2], np.float32)
    for t in range(len(x)):
        r = h @ p["state"]
        zs = sigmoid(gates[t, :, : 2 * units] + r[:, : 2 * units])
        z, s = zs[:, :units], zs[:, units:]
        n = np.tanh(gates[t, :, 2 * units :] + s * r[:, 2 * units :])
        h = z * h + (1 - z) * n
        logits[t] = h @ p["out"][:, 0] + p["out_bias"][0]
    return logits


def updater(rate_at, decay):
    """The training step: cross entropy per step, weighted, averaged per call; Adam with clipped gradients."""
    import jax
    import jax.numpy as jnp

    def loss(p, x, w, y):
        units = p["state"].shape[0]
        gates = x @ p["input"] + p["bias"]

        def step(h, g):
            r = h @ p["state"]
            zs = jax.nn.sigmoid(g[:, : 2 * units] + r[:, : 2 * units])
            n = jnp.tanh(g[:, 2 * units :] + zs[:, units:] * r[:, 2 * units :])
            h = zs[:, :units] * h + (1 - zs[:, :units]) * n
            return h, h

        _, states = jax.lax.scan(step, jnp.zeros((x.shape[1], units)), gates)
        logits = states @ p["out"][:, 0] + p["out_bias"][0]
        target = y * 0.98 + 0.01
        weight = w / (w.sum(0) + 8.0) / x.shape[1]
        return (weight * (jax.nn.softplus(logits) - target * logits)).sum()

    @jax.jit
    def update(params, moments, average, number, x, w, y):
        value, grads = jax.value_and_grad(loss)(params, x, w, y)
        norm = jnp.sqrt(sum((g ** 2).sum() for g in grads.values()))
        rate, new, kept = rate_at(number), {}, {}
        for k, g in grads.items():
            g = g * jnp.minimum(1.0, 1.0 / (norm + 1e-9))
            m = 0.9 * moments[k][0] + 0.1 * g
            v = 0.999 * moments[k][1] + 0.001 * g * g
            step = (m / (1 - 0.9 ** number)) / (jnp.sqrt(v / (1 - 0.999 ** number)) + 1e-8)
            new[k] = params[k] - rate * (step + (decay * params[k] if params[k].ndim == 2 else 0))
            kept[k] = (m, v)
        share = jnp.minimum(0.995, number / (number + 20.0))
        average = {k: share * average[k] + (1 - share) * new[k] for k in new}
        return new, kept, average, value

    return update


def main():
    a = argparse.ArgumentParser()
    a.add_argument("calls")
    a.add_argument("model")
    a.add_argument("--units", type=int, default=64)
    a.add_argument("--epochs", type=float, default=12)
    a.add_argument("--start", help="a model to go on from")
    a.add_argument("--rate", type=float, default=4e-3)
    a.add_argument("--decay", type=float, default=0.01)
    a.add_argument("--seed", type=int, default=7)
    a.add_argument("--hold-out-language", default="")
    a.add_argument("--hold-out-voices", default="", help="names or patterns")
    a = a.parse_args()
    import jax.numpy as jnp

    parts = [load(folder) for folder in a.calls.split(",")]
    z = {k: sum([q[k] for q in parts], []) if k == "features" else np.concatenate([q[k] for q in parts]) for k in parts[0]}
    voices = [v for v in a.hold_out_voices.split(",") if v]
    held = np.isin(z["language"], a.hold_out_language.split(",")) | np.array([any(fnmatch.fnmatch(v, p) for p in voices) for v in z["voice"]])
    rng = np.random.default_rng(a.seed)
    order = rng.permutation(len(z["label"]))
    rows = order[~held[order]]
    check = order[held[order]][:600] if held.any() else rows[:600]
    rows = rows if held.any() else rows[600:]
    params = read(a.start) if a.start else init(a.units, rng)
    size = 192
    x, w, y, steps = arrays(z, np.arange(len(z["label"])))
    total = a.epochs * (len(rows) / size)
    rate_at = lambda n: a.rate * jnp.minimum(1.0, n / 50) * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(n / total, 1))) + 1e-5
    update = updater(rate_at, a.decay)
    params = {k: jnp.asarray(v) for k, v in params.items()}
    moments = {k: (jnp.zeros_like(v), jnp.zeros_like(v)) for k, v in params.items()}
    average, began, number, epoch = params, time.time(), 0, 0
    while number < total:
        order = rng.permutation(rows)
        # Calls of like length go together, so that little time is spent on padding.
        order = order[np.argsort(steps[order] + rng.uniform(0, 20, len(order)))]
        batches = [order[n : n + size] for n in range(0, len(order) - size + 1, size)]
        rng.shuffle(batches)
        values = []
        for chosen in batches:
            length = min(int(-(-steps[chosen].max() // 19) * 19), LONGEST)
            part = x[chosen, :length].copy()
            # Another line, another filter: a tilt, a gain and an unevenness per call; a feature unheard.
            many = len(chosen)
            tilt = rng.normal(0, 0.15, (many, 1, 1)) * np.linspace(-1, 1, 16)[None, None, :]
            colour = tilt + rng.normal(0, 0.1, (many, 1, 1)) + rng.normal(0, 0.06, (many, 1, 16))
            part[..., :BANDS] += np.concatenate([colour, colour], 2).astype(np.float32)
            part *= rng.random((many, 1, INPUTS)) > 0.03
            number += 1
            params, moments, average, value = update(params, moments, average, float(number), np.swapaxes(part, 0, 1), w[chosen, :length].T, y[chosen])
            values.append(float(value))
        now = {k: np.asarray(v) for k, v in average.items()}
        logits = forward(now, np.swapaxes(x[check], 0, 1))
        right = (logits > 0) == (y[check] > 0)
        use, late = w[check].T > 0, w[check].T > 1
        epoch += 1
        print(f"epoch {epoch} loss {np.mean(values):.4f} held out: {right[use].mean():.3f} of steps, {right[late].mean():.3f} in silence; {time.time() - began:.0f} s", flush=True)
        save(now, a.model)


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
