"""Fits how far the answers that the model finds probable are to be believed: `fit.py BANK CHECKPOINT`.

Asks what `src/speech/stt/weighing.rs` asks of voices that training never heard: digits and short answers against the question
they answer, and other speech and noise against the same questions. Prints the numbers of `BUILT_IN` there, fitted on one half
of the voices, and what they make of the other half.
"""

import argparse
import pathlib
import pickle

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

import model
import telephone
from cut_tests import QUESTIONS, spoken
from train import Bank
from vocabulary import END, NO_TIMESTAMPS, NOBODY, PREVIOUS, START, TOKENS

MOST_AHEAD = 8.0
WINDOW = 104


def line(rng, audio):
    """Between 0.3 s and 0.7 s of quiet, as a call has it."""
    audio = audio[: WINDOW * 160 - 2400 - 800]
    made = np.zeros(WINDOW * 160, np.float32)
    made[2400 : 2400 + len(audio)] = audio
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bank")
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--most", type=int, default=240, help="of each kind")
    args = parser.parse_args()
    bank, rng = Bank(args.bank), np.random.default_rng(11)
    p = {name: jnp.asarray(value) for name, value in pickle.loads(args.checkpoint.read_bytes())["weights"].items()}
    questions = {"digits-en": ("en", None), "digits-id": ("id", None), **QUESTIONS}
    for code in ("en", "id"):
        words = {row["words"] for row, _ in bank.items if row["group"] == "digits" and row["language"] == code}
        questions[f"digits-{code}"] = (code, sorted(words))
    cases = []
    for name, (code, texts) in questions.items():
        told = [item for item in bank.test if item[0]["language"] == code and item[0]["words"] in texts]
        for n in rng.permutation(len(told))[: args.most]:
            row, audio = told[n]
            cases.append((name, row["words"], row["voice"], spoken(rng, audio)))
    names = list(questions)
    unknown = [item for item in bank.test if not item[0]["words"]]
    for n in rng.permutation(len(unknown))[: 2 * args.most]:
        row, audio = unknown[n]
        cases.append((names[n % len(names)], None, row["voice"], spoken(rng, audio)))
    for n in range(2 * args.most):
        noise = telephone.no_speech(rng, int(telephone.RATE * rng.uniform(0.4, 1.6)))
        cases.append((names[n % len(names)], None, f"noise:{n % 2}", noise))

    hear = jax.jit(lambda audio: model.hear(p, model.mel(audio)))
    unused = np.log(TOKENS - len(bank.used))
    @jax.jit
    def write(heard, tokens):
        logits = model.write(p, tokens, heard)
        whole = jax.nn.log_softmax(logits.at[:, :, -1].add(unused))
        # Words are compared among themselves and with the end of the text.
        words = jax.nn.log_softmax(logits.at[:, :, -1].add(unused).at[:, :, bank.at[NOBODY]].set(-1e9))
        return whole, words

    features, right, kinds, voices = [], [], [], []
    for name, said, voice, audio in cases:
        code, texts = questions[name]
        prefix = [PREVIOUS, bank.language[code], START, NO_TIMESTAMPS]
        rows = np.full((len(texts), 16), bank.at[END], np.int32)
        for n, text in enumerate(texts):
            tokens = [bank.at[t] for t in [*prefix, *bank.tokens_of[text]]]
            rows[n, : len(tokens)] = tokens
        heard = hear(line(rng, audio)[None])
        whole, words = (np.asarray(x) for x in write(jnp.repeat(heard, len(texts), 0), rows))
        silence = float(np.exp(whole[0, 2, bank.at[NOBODY]]))
        scores, lengths = [], []
        for n, text in enumerate(texts):
            tokens = [bank.at[t] for t in bank.tokens_of[text]] + [bank.at[END]]
            scores.append(sum(words[n, 3 + k, token] for k, token in enumerate(tokens)))
            lengths.append(len(tokens))
        order = np.argsort(scores)[::-1]
        margin = min(scores[order[0]] - scores[order[1]], MOST_AHEAD)
        features.append((scores[order[0]] / lengths[order[0]], margin, silence))
        right.append(said is not None and texts[order[0]] == said)
        kinds.append("other" if said is None and not voice.startswith("noise") else "noise" if said is None else name)
        voices.append(voice)
    x, y, kinds = np.array(features), np.array(right), np.array(kinds)
    half = np.array([sum(map(ord, voice)) % 2 == 0 for voice in voices])

    def chance(w, x):
        return 1 / (1 + np.exp(-(w[0] + w[1] * x[:, 0] + w[2] * x[:, 1])))

    weight = np.where(y, 1 / max(1, y[half].sum()), 1 / max(1, (~y[half]).sum()))
    def loss(w):
        c = np.clip(chance(w, x), 1e-6, 1 - 1e-6)
        return -(weight * np.where(y, np.log(c), np.log(1 - c)))[half].sum() + 1e-4 * (w**2).sum()

    w = minimize(loss, [1.0, 1.0, 0.3]).x
    print(f"bias {w[0]:.2f} per_token {w[1]:.2f} per_margin {w[2]:.2f}")
    for least in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        given = (chance(w, x) >= least) & (x[:, 2] < 0.45)
        line_of = [f"unlikely {least}:"]
        for kind in sorted(set(kinds)):
            of = (kinds == kind) & ~half
            if kind in ("other", "noise"):
                line_of.append(f"{kind} taken {100 * given[of].mean():.1f} %")
            else:
                line_of.append(f"{kind} {100 * (given & y)[of].mean():.0f}/{100 * (given & ~y)[of].mean():.0f}")
        print("  ".join(line_of))


if __name__ == "__main__":
    main()
