"""Speaks the lines of `lines.json` with voices of espeak-ng, festival and Kokoro: `make_voices.py OUT [--kokoro FOLDER]`.

Every voice says lines of people and of machines, so that a voice does not give away who answered. A machine's line is spoken
in the pieces between its bars; `make_scenes.py` puts pauses there. OUT gets `bank.jsonl` and 8 kHz WAV files; what is there
already is not spoken again. Needs `espeak-ng`, `festival`, `sox`; Kokoro is what `dering voices fetch kokoro` brings.
"""

import argparse
import json
import pathlib
import random
import subprocess
import wave

import numpy as np
from scipy.signal import resample_poly

HERE = pathlib.Path(__file__).parent
ESPEAK = {"en": "en-us", "pt": "pt-br", "fr": "fr-fr", "zh": "cmn"}
KOKORO = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt", "z": "zh"}
FESTIVAL = {"kal_diphone": "en", "ked_diphone": "en", "cmu_us_slt_arctic_hts": "en", "pc_diphone": "it", "lp_diphone": "it"}


def voices(kokoro):
    found = []
    if kokoro:
        for path in sorted((kokoro / "voices").glob("*.bin")):
            if path.stem[0] in KOKORO:
                found.append(("kokoro", path.stem, KOKORO[path.stem[0]]))
    for language in ("de", "id", "ru", "tr", "nl"):
        found += [("espeak", f"{language}+{variant}", language) for variant in ("m3", "f2", "m7", "f4")]
    for language in ("en", "es", "fr", "it", "pt", "hi", "zh"):
        found += [("espeak", f"{ESPEAK.get(language, language)}+{variant}", language) for variant in ("m1", "f5")]
    found += [("festival", name, language) for name, language in FESTIVAL.items()]
    return found


def wanted(language, lines, rng):
    """Some lines of people and of machines, of both halves."""
    for half in ("look", "measure"):
        table = lines[language][half]
        yield half, "short", rng.choice(table["short"])
        yield half, rng.choice(("sentence", "sentence", "company")), None
        yield half, "machine", rng.choice(table["machine"])
        if language == "en" or half == "measure":
            yield half, "machine", rng.choice(table["machine"])


class Kokoro:
    def __init__(self, folder, worker):
        python = folder / "python" / "bin" / "python"
        self.process = subprocess.Popen(
            [python, "-I", worker, folder, "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.process.stdout.readline()

    def say(self, voice, text):
        language = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br", "z": "cmn"}[voice[0]]
        request = {"id": 1, "text": text, "language": language, "voice": voice}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        audio = np.frombuffer(self.process.stdout.read(2 * answer["samples"]), "<i2")
        return audio.astype(np.float32), answer["rate"]


def of_wav(path):
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32), rate


def espeak(voice, text, path):
    subprocess.run(["espeak-ng", "-v", voice, "-s", "165", "-w", path, text], check=True, timeout=30)
    return of_wav(path)


def festival(voice, text, path):
    if voice in ("pc_diphone", "lp_diphone"):
        text = text.encode("latin-1", "ignore")
    else:
        text = text.encode()
    subprocess.run(["text2wave", "-eval", f"(voice_{voice})", "-o", path], input=text, check=True, timeout=60)
    return of_wav(path)


def trimmed(audio):
    """Without the silence before and after."""
    loud = np.abs(audio) > 0.02 * np.abs(audio).max()
    at = np.flatnonzero(loud)
    return audio[max(0, at[0] - 80) : at[-1] + 160]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--kokoro", type=pathlib.Path)
    parser.add_argument("--only")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    lines = json.loads((HERE / "lines.json").read_text())
    args.out.mkdir(parents=True, exist_ok=True)
    worker = HERE.parent.parent / "src/speech/tts/kokoro/worker.py"
    kokoro = Kokoro(args.kokoro, worker) if args.kokoro else None
    rng, jobs = random.Random(args.seed), []
    for engine, voice, language in voices(args.kokoro):
        for n, (half, kind, text) in enumerate(wanted(language, lines, rng)):
            text = text or rng.choice(lines[language][half][kind])
            jobs.append((rng.random(), engine, voice, language, half, kind, text, n))
    with open(args.out / f"bank-{args.only or 'all'}.jsonl", "w") as bank:
        for _, engine, voice, language, half, kind, text, n in sorted(jobs):
            if args.only and engine != args.only:
                continue
            pieces, texts = [], [piece.strip() for piece in text.split("|")]
            for k, piece in enumerate(texts):
                path = args.out / f"{engine}-{voice.replace('+', '_')}-{n}-{k}.wav"
                try:
                    if not path.exists():
                        raw = str(path) + ".raw.wav"
                        if engine == "kokoro":
                            audio, rate = kokoro.say(voice, piece)
                        else:
                            audio, rate = (espeak if engine == "espeak" else festival)(voice, piece, raw)
                            pathlib.Path(raw).unlink()
                        audio = trimmed(resample_poly(audio, 8000, rate))
                        audio = (audio / max(1.0, np.abs(audio).max()) * 16000).astype("<i2")
                        with wave.open(str(path), "w") as file:
                            file.setparams((1, 2, 8000, 0, "NONE", None))
                            file.writeframes(audio.tobytes())
                    pieces.append(path.name)
                except (ValueError, OSError, IndexError, wave.Error, subprocess.SubprocessError) as error:
                    print(f"{engine} {voice}: {error}")
            if len(pieces) == len(texts):
                line = {"voice": f"{engine}:{voice}", "language": language, "half": half, "kind": kind, "texts": texts, "files": pieces}
                bank.write(json.dumps(line, ensure_ascii=False) + "\n")
                bank.flush()


if __name__ == "__main__":
    main()
