"""A voice that stays: Kokoro-82M in ONNX Runtime, one process for many sentences.

Started by Dering as `python3 -I worker.py FOLDER THREADS`. A request is a line of JSON on standard input:
{"id": 1, "text": "...", "language": "en-us", "voice": "am_michael"}. The answer is a line of JSON on standard output, and behind it
the audio, 16 bits little-endian: {"id": 1, "rate": 24000, "samples": 48000}, or {"id": 1, "error": "..."} and nothing behind it.
The first line says {"ready": true}. The process ends when its input does.
"""

import json
import os
import re
import subprocess
import sys

RATE = 24000
# Rows of a voice: one for each number of phonemes.
ROWS, WIDTH = 510, 256
PUNCTUATION = ';:,.!?¡¿—…"«»“”(){}[]'
PIECES = re.compile(r"(\s*[" + re.escape(PUNCTUATION) + r"]+\s*)+")


def symbols():
    """The numbers of Kokoro's phonemes, in runs of consecutive ones."""
    runs = [
        (1, ";:,.!?"), (9, "—…\"()“” \u0303ʣʥʦʨᵝ\uab67AI"), (31, "O"), (33, "Q"), (35, "ST"), (39, "W"), (41, "Yᵊ"),
        (43, "abcdef"), (50, "hijklmnopqrstuvwxyzɑɐɒæ"), (75, "βɔɕç"), (80, "ɖðʤə"), (85, "ɚɛɜ"), (90, "ɟ"), (92, "ɡ"),
        (99, "ɥ"), (101, "ɨɪʝ"), (110, "ɯɰŋɳɲɴø"), (118, "ɸθœ"), (123, "ɹ"), (125, "ɾɻ"), (128, "ʁɽʂʃʈʧ"), (135, "ʊʋ"),
        (138, "ʌɣɤ"), (142, "χʎ"), (147, "ʒʔ"), (156, "ˈˌː"), (162, "ʰ"), (164, "ʲ"), (169, "↓"), (171, "→↗↘"), (177, "ᵻ"),
    ]
    return {symbol: first + at for first, run in runs for at, symbol in enumerate(run)}


def spoken(language, text):
    """Phonemes of one piece without punctuation."""
    done = subprocess.run(
        ["espeak-ng", "-q", "--ipa", "-v", language],
        input=text, capture_output=True, text=True, timeout=10, check=True,
    )
    return " ".join(line.strip() for line in done.stdout.splitlines() if line.strip())


def phonemes(language, text):
    pieces, at = [], 0
    for found in PIECES.finditer(text):
        pieces += [(False, text[at : found.start()]), (True, found.group())]
        at = found.end()
    pieces.append((False, text[at:]))
    made = "".join(piece if kept else spoken(language, piece) for kept, piece in pieces if piece.strip())
    # espeak-ng marks changes of language in brackets, and joins what Kokoro knows as two.
    made = re.sub(r"\([a-z-]+\)", "", made).replace("\u0361", "")
    if language.startswith("en"):
        for old, new in (("ʲ", "j"), ("r", "ɹ"), ("x", "k"), ("ɬ", "l")):
            made = made.replace(old, new)
    return made.strip()


def main():
    folder, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints is no answer.
    os.dup2(2, 1)

    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Memory that one long sentence needed is given back.
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(
        os.path.join(folder, "kokoro.onnx"), options, providers=["CPUExecutionProvider"]
    )
    known, voices = symbols(), {}

    def voice(name):
        if not re.fullmatch(r"[a-z]{2}_[a-z0-9]+", name):
            raise ValueError(f"{name!r} is no name of a voice")
        if name not in voices:
            rows = numpy.fromfile(os.path.join(folder, "voices", name + ".bin"), dtype="<f4")
            voices[name] = rows.reshape(ROWS, 1, WIDTH)
        return voices[name]

    def answer(head, audio=b""):
        answers.write(json.dumps(head).encode() + b"\n" + audio)
        answers.flush()

    answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            made = phonemes(request["language"], request["text"])
            numbers = [known[symbol] for symbol in made if symbol in known]
            parts = []
            for first in range(0, len(numbers), ROWS - 1):
                part = numbers[first : first + ROWS - 1]
                audio = session.run(None, {
                    "tokens": numpy.array([[0, *part, 0]], dtype=numpy.int64),
                    "style": voice(request["voice"])[len(part)],
                    "speed": numpy.ones(1, dtype=numpy.float32),
                })[0]
                parts.append((numpy.clip(audio.ravel(), -1, 1) * 32767).astype("<i2").tobytes())
            audio = b"".join(parts)
            answer({"id": request["id"], "rate": RATE, "samples": len(audio) // 2}, audio)
        except Exception as error:  # Whatever one sentence does wrong, the next one is spoken.
            answer({"id": request["id"], "error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
