"""A voice that stays: voices made for Piper (VITS) in ONNX Runtime, one process for many sentences.

Started by Dering as `python3 -I worker.py FOLDER THREADS`. A request is a line of JSON on standard input:
{"id": 1, "text": "...", "language": "en-us", "voice": "en_US-joe-medium"}. The answer is a line of JSON on standard output, and
behind it the audio, 16 bits little-endian: {"id": 1, "rate": 22050, "samples": 44100}, or {"id": 1, "error": "..."} and nothing
behind it. The first line says {"ready": true}. The process ends when its input does.
"""

import json
import os
import re
import subprocess
import sys
import unicodedata

# Each takes 100 MB.
MOST_VOICES = 4
PUNCTUATION = ';:,.!?'
PIECES = re.compile(r"(\s*[" + re.escape(PUNCTUATION) + r"]+\s*)+")


def spoken(language, text):
    """Phonemes of one piece without punctuation."""
    done = subprocess.run(
        ["espeak-ng", "-q", "--ipa", "-v", language],
        input=text, capture_output=True, text=True, timeout=10, check=True,
    )
    made = " ".join(line.strip() for line in done.stdout.splitlines() if line.strip())
    # espeak-ng marks changes of language in brackets.
    return re.sub(r"\([a-z-]+\)", "", made)


def phonemes(language, text):
    pieces, at = [], 0
    for found in PIECES.finditer(text):
        pieces += [(False, text[at : found.start()]), (True, found.group())]
        at = found.end()
    pieces.append((False, text[at:]))
    made = "".join(piece if kept else spoken(language, piece) for kept, piece in pieces if piece.strip())
    return unicodedata.normalize("NFD", made.strip())


def numbers(known, made):
    """Beginning, each phoneme with a pause behind it, end."""
    pause = known["_"]
    found = [*known["^"], *pause]
    for symbol in made:
        if symbol in known:
            found += [*known[symbol], *pause]
    return found + known["$"]


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
    voices = {}

    def voice(name):
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError(f"{name!r} is no name of a voice")
        if name not in voices:
            if len(voices) >= MOST_VOICES:
                del voices[next(iter(voices))]
            path = os.path.join(folder, name + ".onnx")
            with open(path + ".json", encoding="utf-8") as file:
                about = json.load(file)
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            voices[name] = (about, session)
        return voices[name]

    def answer(head, audio=b""):
        answers.write(json.dumps(head).encode() + b"\n" + audio)
        answers.flush()

    answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            about, session = voice(request["voice"])
            # The voice knows best which sounds it learned.
            language = about.get("espeak", {}).get("voice") or request["language"]
            said = numbers(about["phoneme_id_map"], phonemes(language, request["text"]))
            how = about.get("inference", {})
            scales = [how.get("noise_scale", 0.667), how.get("length_scale", 1.0), how.get("noise_w", 0.8)]
            inputs = {
                "input": numpy.array([said], dtype=numpy.int64),
                "input_lengths": numpy.array([len(said)], dtype=numpy.int64),
                "scales": numpy.array(scales, dtype=numpy.float32),
            }
            if about.get("num_speakers", 1) > 1:
                inputs["sid"] = numpy.array([0], dtype=numpy.int64)
            audio = session.run(None, inputs)[0].ravel()
            loudest = max(0.01, float(numpy.abs(audio).max()))
            audio = (audio / loudest * 32000).astype("<i2").tobytes()
            answer({"id": request["id"], "rate": about["audio"]["sample_rate"], "samples": len(audio) // 2}, audio)
        except Exception as error:  # Whatever one sentence does wrong, the next one is spoken.
            answer({"id": request["id"], "error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
