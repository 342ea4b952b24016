"""Makes the folders that `dering stt bench` measures recognisers on: `make_answers.py OUT --kokoro FOLDER [--shared FOLDER]`.

OUT/answers has a folder for each question, OUT/speech openings of calls whose words are known, OUT/strangers sounds that answer
nothing. What is made of voices is spoken by Kokoro (what `dering voices fetch kokoro` brings, also for its Python) and by
espeak-ng, each answer by other voices than the last one, in the telephone band and mu-law, a third of it in noise of 20 dB and a third of 12 dB.
Real digits, real voices and openings are taken from the folder of shared recordings; without it they are left out. Everything
follows from the seed. Needs numpy, scipy, soundfile and espeak-ng.
"""

import argparse
import json
import pathlib
import random
import subprocess
import wave

import numpy as np
import soundfile
from scipy.signal import butter, resample_poly, sosfilt

RATE = 8000
WORKER = pathlib.Path(__file__).parents[2] / "src/speech/tts/kokoro/worker.py"
# English answers by voices trained on English; Indonesian ones by voices of other languages, with Indonesian sounds.
VOICES = {
    "en": ["af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_adam", "espeak:en-us+m3", "espeak:en-gb+f2"],
    "id": ["am_michael", "em_alex", "af_heart", "if_sara", "ef_dora", "bm_george", "espeak:id+m3", "espeak:id+f2"],
}
QUESTIONS = {
    "yes-no": ("en", ["yes", "no"], 20),
    "departments": ("en", ["sales", "billing", "technical support", "opening hours", "an operator"], 16),
    "days": ("en", ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], 8),
    "ya-tidak": ("id", ["ya", "iya", "betul", "benar", "tidak", "bukan", "salah", "enggak"], 6),
    "bagian": ("id", ["penjualan", "tagihan", "bantuan teknis", "jam buka", "operator"], 8),
    "angka": ("id", ["satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh"], 5),
}
NUMBERS = {word: str(at + 1) for at, word in enumerate(QUESTIONS["angka"][1])}


class Kokoro:
    def __init__(self, folder, threads):
        python = folder / "python/bin/python"
        program = str(python) if python.exists() else "python3"
        self.process = subprocess.Popen(
            [program, "-I", str(WORKER), str(folder), str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        json.loads(self.process.stdout.readline())

    def say(self, text, language, voice):
        request = {"id": 1, "text": text, "language": language, "voice": voice}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        head = json.loads(self.process.stdout.readline())
        if "error" in head:
            raise RuntimeError(head["error"])
        audio = np.frombuffer(self.process.stdout.read(2 * head["samples"]), dtype="<i2") / 32768
        return resample_poly(audio, RATE, head["rate"])


def espeak(text, voice):
    made = subprocess.run(["espeak-ng", "-v", voice, "--stdout", text], capture_output=True, check=True).stdout
    rate = int.from_bytes(made[24:28], "little")
    return resample_poly(np.frombuffer(made[44:], dtype="<i2") / 32768, RATE, rate)


def trimmed(audio):
    """Without the silence at either end."""
    loud = np.abs(audio) > 0.02 * np.abs(audio).max()
    first, last = np.argmax(loud), len(loud) - np.argmax(loud[::-1])
    return audio[max(0, first - 400) : last + 400]


def telephone(audio, rng, noise_db):
    """The band of a telephone, a level between -26 and -18 dBFS, noise, mu-law."""
    audio = sosfilt(butter(4, [300, 3400], "bandpass", fs=RATE, output="sos"), audio)
    audio = audio / np.sqrt(np.mean(audio**2) + 1e-12) * 10 ** (rng.uniform(-26, -18) / 20)
    if noise_db is not None:
        noise = rng.standard_normal(len(audio))
        noise = sosfilt(butter(1, 1200, fs=RATE, output="sos"), noise)
        audio = audio + noise / np.std(noise) * np.sqrt(np.mean(audio**2)) * 10 ** (-noise_db / 20)
    audio = np.clip(audio, -1, 1)
    packed = np.round(np.sign(audio) * np.log1p(255 * np.abs(audio)) / np.log(256) * 127) / 127
    return np.sign(packed) * (256 ** np.abs(packed) - 1) / 255


def write(path, audio):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())


def label(folder, rows):
    with open(folder / "labels.jsonl", "w") as out:
        for file, text, language in rows:
            out.write(json.dumps({"file": file, "text": text, "language": language}) + "\n")


def made_answers(out, kokoro, rng):
    for name, (language, answers, times) in QUESTIONS.items():
        folder, rows, turn = out / "answers" / name, [], 0
        for answer in answers:
            for time in range(times):
                voice = VOICES[language][turn % len(VOICES[language])]
                noise_db = (None, 20, 12)[time % 3]
                turn += 1
                file = f"{answer.replace(' ', '-')}-{time}.wav"
                if voice.startswith("espeak:"):
                    audio = espeak(answer, voice.removeprefix("espeak:"))
                else:
                    audio = kokoro.say(answer, "en-us" if language == "en" else "id", voice)
                write(folder / file, telephone(trimmed(audio), rng, noise_db))
                rows.append((file, NUMBERS.get(answer, answer) if name == "angka" else answer, language))
        label(folder, rows)
        print(folder, len(rows))


def real_digits(out, shared, rng, each):
    """One folder for each speaker, so that what is fitted to some is measured on others."""
    speakers = sorted({path.stem.split("_")[1] for path in (shared / "speech/digits").glob("*.wav")})
    for speaker in speakers:
        folder, rows = out / "answers" / f"digits-{speaker}", []
        for digit in range(10):
            files = sorted((shared / "speech/digits").glob(f"{digit}_{speaker}_*.wav"))
            for path in rng.permutation(files)[:each]:
                audio, rate = soundfile.read(path)
                write(folder / path.name, resample_poly(audio, RATE, rate) if rate != RATE else audio)
                rows.append((path.name, str(digit), "en"))
        label(folder, rows)
        print(folder, len(rows))


def openings(out, shared, rng, each):
    cases = [json.loads(line) for line in open(shared / "amd-corpus/labels.jsonl")]
    rng.shuffle(cases)
    for language in ("en", "es", "fr", "id"):
        folder, rows = out / "speech" / f"openings-{language}", []
        for case in cases:
            segments = case["segments"]
            known = segments and all(segment["text"] for segment in segments)
            if case["language"] != language or not known or len(rows) == each:
                continue
            audio, _ = soundfile.read(shared / "amd-corpus" / case["file"])
            write(folder / f"{case['id']}.wav", audio[: 28 * RATE])
            rows.append((f"{case['id']}.wav", " ".join(segment["text"] for segment in segments), language))
        label(folder, rows)
        print(folder, len(rows))


def strangers(out, shared, rng, each):
    hiss = out / "strangers/noise"
    for at in range(each):
        length = int(RATE * rng.uniform(0.6, 4))
        noise = rng.standard_normal(length)
        if at % 3 == 1:
            noise = sosfilt(butter(2, [200, 900], "bandpass", fs=RATE, output="sos"), noise)
        if at % 3 == 2:
            clicks = (rng.random(length) < 0.002) * rng.uniform(-1, 1, length)
            noise = noise * 0.05 + sosfilt(butter(2, 2500, fs=RATE, output="sos"), clicks) * 30
        write(hiss / f"noise-{at}.wav", noise / np.abs(noise).max() * 10 ** (rng.uniform(-36, -12) / 20))
    cases = [json.loads(line) for line in open(shared / "amd-corpus/labels.jsonl")]
    rng.shuffle(cases)

    def take(name, wanted, piece):
        taken = 0
        for case in cases:
            if taken < each and wanted(case):
                audio, _ = soundfile.read(shared / "amd-corpus" / case["file"])
                for first, last in piece(case):
                    write(out / "strangers" / name / f"{case['id']}.wav", audio[first * 8 : last * 8])
                    taken += 1
                    break

    def whole_tones(case):
        return [(tone["start_ms"], min(tone["end_ms"], tone["start_ms"] + 4000)) for tone in case["tones"] + case["beeps"]]

    def speech(case):
        return [(one["start_ms"], min(one["end_ms"], one["start_ms"] + 5000)) for one in case["segments"]]

    take("music-and-tones", lambda case: case["tones"] or case["beeps"], whole_tones)
    take("other-languages", lambda case: case["language"] in ("es", "fr", "id"), speech)
    voices = [json.loads(line) for line in open(shared / "voices/voices.jsonl")]
    rng.shuffle(voices)
    taken = {"orders": 0, "words": 0, "wake": 0}
    for voice in voices:
        kind = voice["file"].split("/")[0]
        if taken.get(kind, each) < each // 2:
            audio, rate = soundfile.read(shared / "voices" / voice["file"])
            audio = resample_poly(audio, RATE, rate) if rate != RATE else audio
            name = pathlib.Path(voice["file"]).stem
            write(out / "strangers/unknown-speech" / f"{kind}-{name}.wav", audio[: 6 * RATE])
            taken[kind] += 1


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--kokoro", type=pathlib.Path, default="data/voices/kokoro")
    arguments.add_argument("--shared", type=pathlib.Path, default="../shared")
    arguments.add_argument("--seed", type=int, default=14)
    arguments.add_argument("--each", type=int, default=40, help="recordings of a kind")
    arguments.add_argument("--threads", type=int, default=1)
    given = arguments.parse_args()
    random.seed(given.seed)
    rng = np.random.default_rng(given.seed)
    if given.shared.is_dir():
        real_digits(given.out, given.shared, np.random.default_rng(given.seed), given.each // 4)
        openings(given.out, given.shared, np.random.default_rng(given.seed), given.each // 2)
        strangers(given.out, given.shared, np.random.default_rng(given.seed), given.each)
    else:
        print(f"{given.shared} is not there: no real people, no openings, no strangers")
    made_answers(given.out, Kokoro(given.kokoro, given.threads), rng)


if __name__ == "__main__":
    main()
