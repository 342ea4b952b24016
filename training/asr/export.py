"""Writes a checkpoint as a model that whisper.cpp runs: `export.py CHECKPOINT OUT.bin [--exact]`.

Its encoder has 200 positions, 4 s, so that longer audio is refused. Tokens that were never used share one row, which was trained
to be improbable. `--exact` keeps 16 bits instead of 8, to compare with.
"""

import argparse
import pathlib
import pickle

import numpy as np

import model
import vocabulary

SOUNDS = 200
# Half of them may be a prompt, half of them the answer.
TEXTS = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--exact", action="store_true")
    args = parser.parse_args()
    saved = pickle.loads(args.checkpoint.read_bytes())
    tensors = {name: value for name, value in saved["weights"].items() if not name.startswith("phones")}
    learnt = tensors["decoder.token_embedding.weight"]
    words = np.repeat(learnt[-1:], vocabulary.TOKENS, 0)
    words[saved["used"]] = learnt[:-1]
    tensors["decoder.token_embedding.weight"] = words
    places = np.zeros((TEXTS, model.WIDTH), np.float32)
    places[: model.TEXTS] = tensors["decoder.positional_embedding"]
    tensors["decoder.positional_embedding"] = places
    tensors["encoder.positional_embedding"] = model.sines(SOUNDS, model.WIDTH)
    shape = (model.WIDTH, model.HEADS, model.HEARS, model.WRITES, SOUNDS, TEXTS)
    vocabulary.write(args.out, tensors, shape, args.exact)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB after {saved['steps']} steps")


if __name__ == "__main__":
    main()
