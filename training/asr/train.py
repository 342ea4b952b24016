"""Trains on the shards of a bank: `train.py BANK CHECKPOINT --steps N`.

The words are learnt with Whisper's decoder, and at the same time the sounds of the phonemes from the encoder alone (CTC), which
brings the encoder on much sooner; that part is not in the finished file. Matrices are moved by Muon, everything else by
Adam. What is kept is a running average of the weights. The same seed and number of steps give the same model.
"""

import argparse
import json
import os
import pathlib
import pickle
import queue
import threading
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
import optax

import model
import telephone
import vocabulary
from vocabulary import END, NO_TIMESTAMPS, NOBODY, PREVIOUS, START

RATE = model.RATE
# What the encoder hears at once, in positions of 20 ms, and how often.
WINDOWS = (64, 104, 200)
LENGTH = 20
# As espeak-ng writes those of English and Indonesian.
SOUNDS = "ɪntasilɹədkɛmpʊuozbefæŋjvɚɔhʌɑɡwᵻʒðʃɐrɾɜθɲʔ"
PHONES = len(SOUNDS) + 2
# Known in both languages, whichever is expected.
SHARED = set("hello hi halo okay oke stop operator oh ya iya yeah yep yup nah no hash menu on off".split())
WEIGHTS = {"digits": 5.0, "core": 2.6, "numbers": 1.3, "people": 1.0, "machines": 0.9}


class Bank:
    def __init__(self, folder):
        self.items = []
        for path in sorted(pathlib.Path(folder).glob("*.npz")):
            with np.load(path) as file:
                ends = np.cumsum(file["lengths"])
                audio, rows = file["audio"], json.loads(str(file["rows"]))
            starts = ends - np.diff(ends, prepend=0)
            self.items += [(row, audio[a:b]) for row, a, b in zip(rows, starts, ends)]
        # The same wherever it is read.
        self.train = [item for item in self.items if not item[0]["test"]]
        self.test = [item for item in self.items if item[0]["test"]]
        self.silent = [item for item in self.train if not item[0]["words"]]
        self.spoken = [item for item in self.train if item[0]["words"]]
        kinds = {}
        for item in self.spoken:
            row = item[0]
            kinds.setdefault((row["words"], row["language"]), []).append(item)
        # Every phrase as often as its kind deserves, however many voices say it; people's voices more often than made ones.
        weight = []
        for row, _ in self.spoken:
            many = len(kinds[row["words"], row["language"]])
            engine = row["voice"].split(":")[0]
            weight.append(WEIGHTS[row["group"]] / many * {"person": 4.0, "kokoro": 4.0, "espeak": 1.0}.get(engine, 1.5))
        self.weight = np.cumsum(weight) / np.sum(weight)
        place = {"espeak": 1.0, "flite": 1.5, "stranger": 1.6, "music": 0.5}
        weight = [place.get(row["voice"].split(":")[0], 1.0) for row, _ in self.silent]
        self.silent_weight = np.cumsum(weight) / np.sum(weight)
        self.strings = {}
        for item in self.spoken:
            row = item[0]
            if row["group"] == "digits":
                self.strings.setdefault(row["voice"] + row["language"], []).append(item)
        tokenise = vocabulary.Tokeniser()
        self.tokens_of = {text: tokenise(text) for text in sorted({row["words"] for row, _ in self.items})}
        self.language = {code: tokenise(code)[0] for code in ("en", "id")}
        used = {token for tokens in self.tokens_of.values() for token in tokens}
        self.used = sorted(used | {END, START, PREVIOUS, NOBODY, NO_TIMESTAMPS, *self.language.values()})
        self.at = {token: n for n, token in enumerate(self.used)}
        # 0 is the blank, 1 whatever is rare.
        self.phone = {sound: n + 2 for n, sound in enumerate(SOUNDS)}


def chosen(rng, items, cumulated):
    return items[min(int(np.searchsorted(cumulated, rng.random())), len(items) - 1)]


class Maker:
    """Batches of one window each, made with numpy beside the training."""

    def __init__(self, bank, seed):
        self.bank, self.rng = bank, np.random.default_rng(seed)
        self.waiting = {window: [] for window in WINDOWS}

    def item(self):
        """Words, phonemes, language, audio up to 0.5."""
        rng, bank = self.rng, self.bank
        kind = rng.random()
        if kind < 0.09:
            return "", "", "", telephone.no_speech(rng, int(RATE * rng.uniform(0.3, 2.2))), True
        if kind < 0.27:
            row, audio = chosen(rng, bank.silent, bank.silent_weight)
            return "", row["phones"], row["language"], audio / 32768, row["group"] == "noise"
        row, audio = chosen(rng, bank.spoken, bank.weight)
        words, phones = row["words"], row["phones"]
        audio = audio / 32768
        if row["group"] == "digits" and rng.random() < 0.2:
            others = bank.strings[row["voice"] + row["language"]]
            for _ in range(rng.integers(1, 4)):
                more, sound = others[rng.integers(len(others))]
                pause = np.zeros(int(RATE * rng.uniform(0.03, 0.2)))
                if len(audio) + len(pause) + len(sound) > 3.4 * RATE:
                    break
                audio = np.concatenate([audio, pause, sound / 32768])
                words, phones = f"{words} {more['words']}", phones + more["phones"]
        return words, phones, row["language"], audio, False

    def sample(self):
        rng, bank = self.rng, self.bank
        words, phones, language, audio, is_noise = self.item()
        audio = telephone.varied(rng, audio.astype(np.float32))
        if words and rng.random() < 0.12:
            audio = audio[int(RATE * rng.uniform(0, 0.05)) :]
        before = int(RATE * (rng.uniform(0.02, 0.15) if rng.random() < 0.3 else rng.uniform(0.1, 0.4)))
        least = len(audio) + before + int(0.06 * RATE)
        fitting = [window for window in WINDOWS if window * 160 >= least]
        window = WINDOWS[-1] if not fitting else fitting[0] if rng.random() < 0.88 else fitting[rng.integers(len(fitting))]
        room = window * 160
        audio = audio[: room - before - 160]
        # The call's audio ends somewhere; behind it the library puts silence.
        end = before + len(audio) + int(rng.uniform(0.05, 0.9) * RATE)
        end = room if rng.random() < 0.35 else min(end, room)
        line = np.zeros(end, np.float32)
        line[before : before + len(audio)] = audio
        speech = slice(before, before + max(1, len(audio)))
        heard = np.zeros(room, np.float32)
        heard[:end] = telephone.on_the_line(rng, line, speech)

        prefix = [START, NO_TIMESTAMPS]
        if rng.random() < 0.6:
            expected = language if language in bank.language else ("en", "id")[rng.integers(2)]
            if words and rng.random() < 0.08 and not SHARED & set(words.split()):
                expected = {"en": "id", "id": "en"}[expected]
                words = ""
            elif not words:
                expected = ("en", "id")[rng.integers(2)]
            prefix = [PREVIOUS, bank.language[expected], *prefix]
        text = [token for word in words.split() for token in bank.tokens_of.get(word, [])] if words not in bank.tokens_of else bank.tokens_of[words]
        tokens = [bank.at[t] for t in [*prefix, *text[: LENGTH - len(prefix)]]]
        inputs = np.full(LENGTH, bank.at[END], np.int32)
        inputs[: len(tokens)] = tokens
        wanted = np.full(LENGTH, -1, np.int32)
        wanted[len(prefix) - 1 : len(tokens) - 1] = tokens[len(prefix) :]
        # As Whisper does, it says first whether there is speech at all.
        wanted[len(prefix) - 2] = bank.at[NOBODY if is_noise else NO_TIMESTAMPS]
        if len(tokens) - 1 < LENGTH:
            wanted[len(tokens) - 1] = bank.at[END]
        sounds = np.zeros(PHONE_LENGTH, np.int32)
        known = phones is not None
        if known:
            # No more than the window has room for.
            numbers = [bank.phone.get(sound, 1) for sound in phones][: min(PHONE_LENGTH, window // 3)]
            sounds[: len(numbers)] = numbers
        return window, (heard, inputs, wanted, sounds, np.float32(known), np.float32(is_noise))

    def batch(self, seconds):
        """The next full one; `seconds` of audio in all, about."""
        while True:
            window, made = self.sample()
            waiting = self.waiting[window]
            waiting.append(made)
            if len(waiting) == int(seconds / (window * 0.02)):
                self.waiting[window] = []
                return [np.stack(part) for part in zip(*waiting)]


PHONE_LENGTH = 48


def losses(p, batch, unused, key, smooth=0.06):
    audio, inputs, wanted, sounds, known, is_noise = batch
    picture = masked(model.mel(audio), key)
    heard = model.hear(p, picture)
    logits = model.write(p, inputs, heard)
    # The last row stands for all tokens that are never written.
    logits = logits.at[:, :, -1].add(jnp.log(unused))
    count = logits.shape[-1]
    logarithms = jax.nn.log_softmax(logits)
    asked = wanted >= 0
    target = jax.nn.one_hot(jnp.maximum(wanted, 0), count)
    # Where there is no speech at all, the token for that is as good as the end of the text.
    target = jnp.where((is_noise > 0)[:, None, None] & asked[:, :, None], 0.5 * target + 0.5 * jax.nn.one_hot(NOBODY_AT[0], count), target)
    soft = target * (1 - smooth) + smooth / (count - 1) * (jnp.arange(count) < count - 1)
    words = -((soft * logarithms).sum(-1) * asked).sum() / asked.sum()
    frames = heard @ p["phones.weight"].T + p["phones.bias"]
    padding = (jnp.arange(sounds.shape[1])[None] >= (sounds > 0).sum(-1, keepdims=True)).astype(jnp.float32)
    ctc = optax.ctc_loss(frames, jnp.zeros(frames.shape[:2]), sounds, padding)
    length = jnp.maximum((sounds > 0).sum(-1), 4)
    ctc = (jnp.minimum(ctc / length, 12.0) * known).sum() / jnp.maximum(known.sum(), 1)
    return words + 0.5 * ctc, (words, ctc)


NOBODY_AT = [0]


def masked(picture, key):
    """A stripe of frequencies and one of time, hidden."""
    keys = jax.random.split(key, 4)
    batch, bands, frames = picture.shape
    first = jax.random.randint(keys[0], (batch, 1), 0, bands - 12)
    wide = jax.random.randint(keys[1], (batch, 1), 0, 10)
    start = jax.random.randint(keys[2], (batch, 1), 0, frames - 12)
    long = jax.random.randint(keys[3], (batch, 1), 0, 11)
    band, frame = jnp.arange(bands)[None], jnp.arange(frames)[None]
    mean = picture.mean(axis=(1, 2), keepdims=True)
    picture = jnp.where(((band >= first) & (band < first + wide))[:, :, None], mean, picture)
    return jnp.where(((frame >= start) & (frame < start + long))[:, None, :], mean, picture)


def is_matrix(name, value):
    return value.ndim >= 2 and name.startswith(("encoder.", "decoder.blocks")) and "positional" not in name


def orthogonal(stack):
    """Newton-Schulz on a stack of (rows, columns), rows <= columns (Keller Jordan's coefficients)."""
    x = stack / (jnp.linalg.norm(stack, axis=(1, 2), keepdims=True) + 1e-7)
    for _ in range(5):
        square = x @ x.transpose(0, 2, 1)
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x


def muon(moments, names):
    """The step for each matrix, those of one shape together."""
    groups, made = {}, {}
    for name in names:
        flat = moments[name].reshape(moments[name].shape[0], -1)
        is_tall = flat.shape[0] > flat.shape[1]
        groups.setdefault((flat.T if is_tall else flat).shape, []).append((name, is_tall, flat.T if is_tall else flat))
    for shape, members in sorted(groups.items()):
        stack = orthogonal(jnp.stack([flat for _, _, flat in members])) * max(1.0, shape[1] / shape[0]) ** 0.5
        for (name, is_tall, _), step in zip(members, stack):
            made[name] = (step.T if is_tall else step).reshape(moments[name].shape)
    return made


def make_step(matrices, unused):
    adam = optax.chain(optax.scale_by_adam(0.9, 0.98))

    def step(p, average, moments, state, batch, key, rate, keep):
        (_, parts), gradient = jax.value_and_grad(losses, has_aux=True)(p, batch, unused, key)
        norm = optax.global_norm(gradient)
        gradient = jax.tree.map(lambda g: g * jnp.minimum(1.0, 2.0 / (norm + 1e-6)), gradient)
        moments = {name: 0.95 * moments[name] + gradient[name] for name in matrices}
        ahead = {name: gradient[name] + 0.95 * moments[name] for name in matrices}
        turned = muon(ahead, matrices)
        others = {name: g for name, g in gradient.items() if name not in turned}
        moved, state = adam.update(others, state)
        new = {}
        for name, value in p.items():
            if name in turned:
                new[name] = value * (1 - 0.02 * rate) - rate * turned[name]
            else:
                new[name] = value - 0.12 * rate * moved[name]
        average = jax.tree.map(lambda a, b: keep * a + (1 - keep) * b, average, new)
        return new, average, moments, state, parts

    return adam, jax.jit(step, donate_argnums=(0, 1, 2, 3))


def examine(bank, p, seed=5, most=160):
    """How many items of each kind are written exactly, on a line with a little noise, without a word of the language."""
    rng = np.random.default_rng(seed)
    logits = jax.jit(lambda p, audio, inputs: model.write(p, inputs, model.hear(p, model.mel(audio))).argmax(-1))
    groups = {}
    for item in bank.test:
        row = item[0]
        engine = row["voice"].split(":")[0]
        groups.setdefault(f"{engine}-{row['language'] if row['words'] else 'unknown'}", []).append(item)
    noise = [({"words": ""}, (telephone.no_speech(rng, RATE) * 32767).astype(np.int16)) for _ in range(most)]
    groups["noise"] = noise
    result = {}
    for name, items in sorted(groups.items()):
        picked = [items[n] for n in rng.permutation(len(items))[:most]]
        right = 0
        for at in range(0, len(picked), 32):
            part = picked[at : at + 32]
            audio, inputs = np.zeros((32, 104 * 160), np.float32), np.full((32, LENGTH), bank.at[END], np.int32)
            for n, (row, sound) in enumerate(part):
                sound = sound[: 104 * 160 - 2400] / 32768
                line = np.zeros(2400 + len(sound) + 3000, np.float32)
                line[2400 : 2400 + len(sound)] = sound
                power = np.mean(sound**2)
                line += rng.standard_normal(len(line)) * np.sqrt(power) * 0.04
                line = telephone.mulaw(np.clip(line, -1, 1))[: audio.shape[1]]
                audio[n, : len(line)] = line
                inputs[n, :2] = bank.at[START], bank.at[NO_TIMESTAMPS]
                tokens = bank.tokens_of.get(row["words"], [])
                inputs[n, 2 : 2 + len(tokens)] = [bank.at[t] for t in tokens][: LENGTH - 2]
            said = np.asarray(logits(p, audio, inputs))
            for n, (row, _) in enumerate(part):
                tokens = bank.tokens_of.get(row["words"], [])
                wanted = [*(bank.at[t] for t in tokens), bank.at[END]]
                got = list(said[n, 1 : 1 + len(wanted)])
                right += got == wanted or (not tokens and got[0] == bank.at[NOBODY])
        result[name] = round(right / len(picked), 3)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bank")
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--warm", type=int, default=150, help="steps in which the rate climbs")
    parser.add_argument("--cool", type=float, default=0.5, help="share of the steps, at the end, in which the rate falls to nothing")
    parser.add_argument("--seconds", type=float, default=48.0, help="audio in a batch")
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--start", type=pathlib.Path, help="a checkpoint to go on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=250)
    parser.add_argument("--examine-every", type=int, default=1000)
    args = parser.parse_args()
    bank = Bank(args.bank)
    NOBODY_AT[0] = bank.at[NOBODY]
    print(f"{len(bank.train)} items to train, {len(bank.test)} to test, {len(bank.used)} tokens", flush=True)
    p = model.begin(np.random.default_rng(args.seed), len(bank.used) + 1, PHONES)
    if args.start:
        begun = pickle.loads(args.start.read_bytes())
        p = {name: jnp.asarray(value) for name, value in begun["weights"].items()}
    print(f"{sum(v.size for v in p.values()):,} numbers", flush=True)
    matrices = sorted(name for name, value in p.items() if is_matrix(name, value))
    adam, step = make_step(matrices, float(vocabulary.TOKENS - len(bank.used)))
    state = adam.init({name: value for name, value in p.items() if name not in matrices})
    moments = {name: jnp.zeros_like(p[name]) for name in matrices}
    average = jax.tree.map(jnp.copy, p)
    made = queue.Queue(4)

    def fill(seed):
        maker = Maker(bank, seed)
        while True:
            made.put(maker.batch(args.seconds))

    threading.Thread(target=fill, args=(args.seed,), daemon=True).start()
    before = begun["steps"] if args.start else 0
    key, began, said, n = jax.random.PRNGKey(args.seed), time.time(), None, 0
    save = lambda: args.checkpoint.write_bytes(pickle.dumps({"weights": {k: np.asarray(v) for k, v in average.items()}, "used": bank.used, "steps": before + n}))
    while n < args.steps:
        left = (1 - n / args.steps) / args.cool if args.cool else 1.0
        rate = args.rate * min((n + 1) / args.warm, 1.0, max(0.02, left))
        key, part = jax.random.split(key)
        keep = min(0.998, (n + 1) / (n + 20))
        p, average, moments, state, parts = step(p, average, moments, state, made.get(), part, rate, keep)
        n += 1
        now = np.array([float(part) for part in parts])
        said = now if said is None else 0.98 * said + 0.02 * now
        if n in (1, 10, 50) or n % 100 == 0:
            print(f"{n} words {said[0]:.3f} sounds {said[1]:.3f} rate {rate:.4f} {time.time() - began:.0f} s", flush=True)
        if n % args.save_every == 0:
            save()
        if n % args.examine_every == 0:
            print(n, examine(bank, average), flush=True)
    save()
    print(n, examine(bank, average), f"{time.time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
