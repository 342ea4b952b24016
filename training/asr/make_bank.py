"""Speaks the phrases and gathers recordings: `make_bank.py BANK KIND [...]`, one `.npz` for each kind of source.

Kinds: `espeak`, `flite`, `festival`, `kokoro` (with `--kokoro FOLDER`), `unknown` (speech that the recogniser is to be silent
about), `digits` (with `--folder`: DIGIT_SPEAKER_INDEX.wav), `asterisk` (with `--folder`: the folder `digits` of Asterisk's English
sounds), `strangers` (with `--folder`: recordings of people who say other things), `music` (with `--folder`).

Audio is 8 kHz mono, trimmed, at half of full scale. Each item has the words as the recogniser is to write them (empty for
what it is to be silent about), the phonemes that were spoken where they are known, the language, the voice, and whether the
voice is one of those kept for testing (`test`).
"""

import argparse
import concurrent.futures
import io
import json
import pathlib
import random
import re
import subprocess
import tempfile
import wave

import numpy as np
import soundfile
from scipy.signal import resample_poly

HERE = pathlib.Path(__file__).parent
RATE = 8000
LONGEST_S = 3.8

VARIANTS = """Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen Storm adam anika
announcer antonio aunty belinda benjamin boris caleb david ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave iven iven2 iven3 john
kaukovalta klatt klatt2 klatt3 klatt4 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel norbert pablo paul pedro quincy rob
robert sandro shelby steph steph2 steph3 travis victor zac""".split()
# Never heard in training.
TEST_VARIANTS = {"Alicia", "Denis", "iven", "Marco", "steph2", "m6", "f3", "klatt4"}
TEST_FLITE = "rms"
TEST_KOKORO = {"af_heart", "am_michael", "bf_emma", "bm_george", "af_nova", "am_fenrir"}
TEST_SPEAKER = "theo"
ACCENTS = {"en": ["en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-029"], "id": ["id", "id", "ms"]}
FESTIVAL = ["cmu_us_slt_arctic_hts", "kal_diphone", "ked_diphone"]
# Spoken as digits and numbers, which need the most voices.
OFTEN = ("digits", "core")


def phrases():
    """(language, group, text)"""
    table = json.loads((HERE / "phrases.json").read_text())
    return [(language, group, text) for language in ("en", "id") for group, texts in table[language].items() for text in texts]


def trimmed(audio, rate):
    """At 8 kHz, without the silence around it; None when there is nothing."""
    if rate != RATE:
        audio = resample_poly(audio.astype(np.float32), RATE // 25, rate // 25)
    loud = np.flatnonzero(np.abs(audio) > 0.02 * np.abs(audio).max(initial=1e-6))
    if len(loud) < RATE // 50:
        return None
    audio = audio[max(0, loud[0] - 160) : loud[-1] + 320]
    return (audio / np.abs(audio).max() * 16384).astype(np.int16)


def of_bytes(data):
    audio, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    return (audio if audio.ndim == 1 else audio[:, 0]), rate


def espeak(voice, text, rng):
    speed, pitch = str(rng.randint(120, 205)), str(rng.randint(15, 85))
    done = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "--stdout", text], capture_output=True, timeout=30, check=True
    )
    # The length in the header of a stream is made up.
    data = done.stdout
    audio = np.frombuffer(data[44 : len(data) - len(data) % 2], "<i2").astype(np.float32)
    return audio, int.from_bytes(data[24:28], "little")


def flite(voice, text, rng):
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        stretch = f"duration_stretch={rng.uniform(0.8, 1.25):.2f}"
        subprocess.run(["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", file.name], timeout=30, check=True)
        return of_bytes(pathlib.Path(file.name).read_bytes())


def festival(jobs):
    """All sentences in one process, which takes longer to start than to speak."""
    with tempfile.TemporaryDirectory() as folder:
        lines, last = [], None
        for at, (voice, stretch, text) in enumerate(jobs):
            if voice != last:
                lines.append(f"(voice_{voice})")
                last = voice
            lines.append(f"(Parameter.set 'Duration_Stretch {stretch:.2f})")
            quoted = text.replace('"', "")
            lines.append(f'(set! u (utt.synth (Utterance Text "{quoted}")))(utt.save.wave u "{folder}/{at}.wav")')
        script = pathlib.Path(folder) / "all.scm"
        script.write_text("\n".join(lines))
        subprocess.run(["festival", "-b", str(script)], stderr=subprocess.DEVNULL, check=True)
        return [of_bytes((pathlib.Path(folder) / f"{at}.wav").read_bytes()) for at in range(len(jobs))]


PHONEMES = {}


def phonemes(language, text):
    """As espeak-ng writes them, without stress, length and brackets."""
    key = (language, text)
    if key not in PHONEMES:
        done = subprocess.run(
            ["espeak-ng", "-q", "--ipa", "-v", {"en": "en-us"}.get(language, language), text], capture_output=True, text=True, timeout=30, check=True
        )
        plain = re.sub(r"\([a-z-]+\)", "", done.stdout)
        PHONEMES[key] = "".join(c for c in plain if c.isalpha() and c not in "ˈˌːˑʲʰ")
    return PHONEMES[key]


class Bank:
    def __init__(self):
        self.audio, self.rows = [], []

    def add(self, audio, rate, *, words, phones, language, voice, group, test):
        made = trimmed(audio, rate)
        if made is None or len(made) > LONGEST_S * RATE or len(made) < RATE // 12:
            return
        self.audio.append(made)
        row = {"words": words, "phones": phones, "language": language, "voice": voice, "group": group, "test": test}
        self.rows.append(row)

    def save(self, path):
        lengths = np.array([len(a) for a in self.audio], np.int32)
        np.savez(path, audio=np.concatenate(self.audio), lengths=lengths, rows=np.array(json.dumps(self.rows, ensure_ascii=False)))
        print(f"{path}: {len(lengths)} items, {lengths.sum() / RATE / 60:.1f} min, {sum(r['test'] for r in self.rows)} to test")


def in_parallel(say, jobs, jobs_at_once):
    """`say` of each job, in the order of the jobs; failures are dropped."""
    def one(job):
        try:
            return job, say(job)
        except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
            print(f"{job}: {error}")
            return None
    with concurrent.futures.ThreadPoolExecutor(jobs_at_once) as pool:
        return [done for done in pool.map(one, jobs) if done]


def speak_espeak(bank, rng, args):
    jobs = []
    for language, group, text in phrases():
        count = (44 if group == "digits" else 30 if group == "core" else 14) if language == "en" else (40 if group == "digits" else 22 if group == "core" else 12)
        for variant in rng.sample(VARIANTS, min(count, len(VARIANTS))):
            jobs.append((language, group, text, rng.choice(ACCENTS[language]), variant, rng.randrange(1 << 30)))
    say = lambda job: espeak(f"{job[3]}+{job[4]}", job[2], random.Random(job[5]))
    for (language, group, text, accent, variant, _), (audio, rate) in in_parallel(say, jobs, args.jobs):
        bank.add(audio, rate, words=text, phones=phonemes(language, text), language=language, voice=f"espeak:{variant}", group=group, test=variant in TEST_VARIANTS)


def speak_flite(bank, rng, args):
    jobs = []
    for language, group, text in phrases():
        if language == "en":
            for voice in ("kal16", "awb", "rms", "slt"):
                for _ in range(4 if group in OFTEN else 1):
                    jobs.append((group, text, voice, rng.randrange(1 << 30)))
    say = lambda job: flite(job[2], job[1], random.Random(job[3]))
    for (group, text, voice, _), (audio, rate) in in_parallel(say, jobs, args.jobs):
        bank.add(audio, rate, words=text, phones=phonemes("en", text), language="en", voice=f"flite:{voice}", group=group, test=voice == TEST_FLITE)


def speak_festival(bank, rng, _):
    jobs = []
    for voice in FESTIVAL:
        for language, group, text in phrases():
            if language == "en":
                jobs += [(voice, rng.uniform(0.8, 1.25), text, group)] * (2 if group in OFTEN else 1)
    for (voice, _, text, group), (audio, rate) in zip(jobs, festival([job[:3] for job in jobs])):
        bank.add(audio, rate, words=text, phones=phonemes("en", text), language="en", voice=f"festival:{voice}", group=group, test=False)


def speak_unknown(bank, rng, args):
    """Words and sentences that are none of the phrases, most of them English, by espeak-ng and flite."""
    known = {text for _, _, text in phrases()}
    parts = {word for text in known for word in text.split()}
    words = [w for w in pathlib.Path(args.words).read_text().split() if re.fullmatch(r"[a-z]{3,9}", w) and w not in parts]
    table = json.loads((HERE / "phrases.json").read_text())["unknown"]
    others = json.loads((HERE.parent / "phrases.json").read_text())
    jobs = []
    # Not what sounds like one of the phrases.
    sounds = {phonemes("en", text) for _, _, text in phrases()}
    for word in rng.sample(words, 1800):
        if phonemes("en", word) not in sounds:
            for variant in rng.sample(VARIANTS, 2):
                jobs.append(("en", word, f"{rng.choice(ACCENTS['en'])}+{variant}", variant))
    pairs = rng.sample(words, 600)
    for one, two in zip(pairs[::2], pairs[1::2]):
        variant = rng.choice(VARIANTS)
        jobs.append(("en", f"{one} {two}", f"{rng.choice(ACCENTS['en'])}+{variant}", variant))
    codes = {"pt": "pt-br"}
    for language, texts in [*table.items(), *((code, lines) for code, lines in others.items() if code != "about")]:
        lines = texts if isinstance(texts, list) else [line for kind in texts.values() for line in kind]
        flat = [piece for line in lines for piece in ([line] if isinstance(line, str) else line)]
        is_own = language in ("en", "id")
        for text in flat:
            if text.lower().strip("?!. ") in known or (is_own and not isinstance(texts, list)):
                continue
            for variant in rng.sample(VARIANTS, 8 if is_own else 3):
                voice = codes.get(language, language)
                jobs.append((voice, text, f"{voice if voice != 'en' else rng.choice(ACCENTS['en'])}+{variant}", variant))
    rng.shuffle(jobs)
    say = lambda job: espeak(job[2], job[1], random.Random(f"{job[1]}{job[2]}"))
    for (language, text, _, variant), (audio, rate) in in_parallel(say, jobs, args.jobs):
        bank.add(audio, rate, words="", phones=phonemes(language, text), language=language, voice=f"espeak:{variant}", group="unknown", test=variant in TEST_VARIANTS)
    for word in rng.sample(words, 500):
        if phonemes("en", word) not in sounds:
            voice = rng.choice(("kal16", "awb", "rms", "slt"))
            bank.add(*flite(voice, word, rng), words="", phones=phonemes("en", word), language="en", voice=f"flite:{voice}", group="unknown", test=voice == TEST_FLITE)


def speak_kokoro(bank, rng, args):
    """Every English voice says every digit and short answer, at one of several speeds; fewer say the rest."""
    import sys

    sys.path.insert(0, str(HERE))
    from kokoro import Kokoro

    voice = Kokoro(args.kokoro)
    english = [name for name in voice.names if name[0] in "ab"]
    foreign = [name for name in voice.names if name[0] in "efip"]
    jobs = []
    for language, group, text in phrases():
        if language == "en":
            count = len(english) if group == "digits" else 6 if group == "core" else 1
            jobs += [(rng.random() + (group not in OFTEN), language, group, text, name) for name in rng.sample(english, count)]
        else:
            count = 6 if group == "digits" else 3 if group == "core" else 1
            jobs += [(rng.random() + (group not in OFTEN), language, group, text, name) for name in rng.sample(foreign + english[:4], count)]
    for n, (_, language, group, text, name) in enumerate(sorted(jobs)):
        accent = {"a": "en-us", "b": "en-gb"}.get(name[0], "en-us") if language == "en" else "id"
        audio = voice.say(name, accent, text, speed=rng.uniform(0.8, 1.2))
        bank.add(audio, 24000, words=text, phones=phonemes(language, text), language=language, voice=f"kokoro:{name}", group=group, test=name in TEST_KOKORO)
        if n % 200 == 199:
            bank.save(args.bank / "kokoro.npz")


def gather_digits(bank, _, args):
    names = [text for language, group, text in phrases() if group == "digits" and language == "en"]
    for path in sorted(pathlib.Path(args.folder).glob("*.wav")):
        digit, speaker, _ = path.stem.split("_")
        audio, rate = soundfile.read(path, dtype="float32")
        text = names[int(digit)]
        bank.add(audio, rate, words=text, phones=phonemes("en", text), language="en", voice=f"person:{speaker}", group="digits", test=speaker == args.hold_out)


def gather_asterisk(bank, _, args):
    names = {str(n): text for n, text in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split())}
    names |= {f"{ten}0": text for ten, text in zip("3456789", "thirty forty fifty sixty seventy eighty ninety".split())}
    names |= {f"day-{n}": day for n, day in enumerate("sunday monday tuesday wednesday thursday friday saturday".split())}
    for path in sorted(pathlib.Path(args.folder).glob("*.wav")):
        if path.stem in names:
            audio, rate = soundfile.read(path, dtype="float32")
            text = names[path.stem]
            for _ in range(5):
                bank.add(audio, rate, words=text, phones=phonemes("en", text), language="en", voice="person:allison", group="digits" if path.stem in "0123456789" else "numbers", test=False)


def gather_strangers(bank, rng, args):
    """People who say something else; long recordings give several pieces."""
    for path in sorted(pathlib.Path(args.folder).rglob("*.flac")):
        audio, rate = soundfile.read(path, dtype="float32")
        for at in range(0, max(1, len(audio) - rate), 3 * rate):
            piece = audio[at : at + int(rate * rng.uniform(1.2, 3.5))]
            bank.add(piece, rate, words="", phones=None, language="", voice=f"stranger:{path.parent.name}", group="unknown", test=False)


def gather_music(bank, rng, args):
    for path in sorted(p for p in pathlib.Path(args.folder).rglob("*") if p.suffix in (".ogg", ".wav", ".mp3")):
        with soundfile.SoundFile(path) as file:
            for _ in range(12):
                length = int(3.7 * file.samplerate)
                if file.frames > length + 1:
                    file.seek(rng.randrange(file.frames - length))
                    piece = file.read(length, dtype="float32")
                    bank.add(piece if piece.ndim == 1 else piece.mean(1), file.samplerate, words="", phones="", language="", voice="music", group="noise", test=False)


KINDS = {
    "espeak": speak_espeak, "flite": speak_flite, "festival": speak_festival, "unknown": speak_unknown, "kokoro": speak_kokoro,
    "digits": gather_digits, "asterisk": gather_asterisk, "strangers": gather_strangers, "music": gather_music,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bank", type=pathlib.Path)
    parser.add_argument("kinds", nargs="+", choices=KINDS)
    parser.add_argument("--folder")
    parser.add_argument("--kokoro", type=pathlib.Path)
    parser.add_argument("--words", default="/usr/share/dict/american-english-small")
    parser.add_argument("--hold-out", default=TEST_SPEAKER, help="the speaker of `digits` that is kept for testing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.bank.mkdir(parents=True, exist_ok=True)
    for kind in args.kinds:
        bank = Bank()
        KINDS[kind](bank, random.Random(f"{args.seed}{kind}"), args)
        bank.save(args.bank / f"{kind}.npz")


if __name__ == "__main__":
    main()
