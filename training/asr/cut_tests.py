"""Cuts folders for `dering stt bench` out of a bank, of voices that training never heard: `cut_tests.py BANK OUT`.

Through G.711, two thirds of it in noise 20 or 12 dB below the speech. `unknown` is speech that none of the phrases is, for `--strangers`,
and `noises` is what nobody said.
"""

import argparse
import csv
import pathlib

import numpy as np
import soundfile

import telephone
from train import Bank

QUESTIONS = {
    "yes-no": ("en", ["yes", "no"]),
    "departments": ("en", ["sales", "support", "billing", "reception", "delivery"]),
    "commands": ("en", ["stop", "repeat", "operator", "help", "cancel"]),
    "days": ("en", ["monday", "tuesday", "wednesday", "thursday", "friday"]),
    "ya-tidak": ("id", ["ya", "tidak"]),
    "bagian": ("id", ["penjualan", "tagihan", "pengiriman", "keluhan", "informasi"]),
}


def spoken(rng, audio):
    audio = audio.astype(np.float32) / 32768
    snr = rng.choice((None, 20, 12))
    if snr is not None:
        power = np.sqrt(np.mean(audio**2))
        audio = audio + telephone.noise(rng, len(audio)) * power * 10 ** (-snr / 20)
    return telephone.mulaw(np.clip(audio * 0.6, -1, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bank")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--most", type=int, default=150)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    bank, rng = Bank(args.bank), np.random.default_rng(args.seed)
    folders = {}
    for row, audio in bank.test:
        language, words, engine = row["language"], row["words"], row["voice"].split(":")[0]
        if not words:
            folders.setdefault("unknown", []).append((row, audio))
        elif row["group"] == "digits":
            kind = "digits-person" if engine == "person" else f"digits-made-{language}"
            folders.setdefault(kind, []).append((row, audio))
        for name, (of, texts) in QUESTIONS.items():
            if language == of and words in texts:
                folders.setdefault(name, []).append((row, audio))
    quiet = [({"words": "", "language": "en"}, (telephone.no_speech(rng, int(telephone.RATE * rng.uniform(0.4, 2.5))) * 32767).astype(np.int16)) for _ in range(250)]
    folders["noises"] = quiet
    for name, items in sorted(folders.items()):
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        picked = [items[n] for n in rng.permutation(len(items))[: 250 if name == "noises" else args.most]]
        with open(folder / "labels.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["file", "text", "language"])
            for n, (row, audio) in enumerate(picked):
                soundfile.write(folder / f"{n:03}.wav", audio / 32768 if name == "noises" else spoken(rng, audio), telephone.RATE, "PCM_16")
                table.writerow([f"{n:03}.wav", row["words"], row["language"] or "en"])
        print(f"{name}: {len(picked)}")


if __name__ == "__main__":
    main()
