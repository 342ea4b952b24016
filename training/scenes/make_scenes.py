"""Telephone scenes of people and machines in the same voices: `make_scenes.py BANK OUT --people DIR --klettres DIR --prompts DIR...`.

For measuring and for fitting the weights of the verdict by folds, never for training the network. Every voice (but the recorded single words) answers as a person and
speaks as a machine; `speakers` in `labels.jsonl` names the group that stays together. BANK is from `make_voices.py`; the rest is recorded:
people (`voices.jsonl` with files), syllables by one speaker of each language (KLettres), and prompts (Asterisk). Needs `sox`.
"""

import argparse
import json
import pathlib
import random
import subprocess
import tempfile

import numpy as np
import soundfile
from scipy.signal import butter, lfilter, resample_poly

RATE = 8000


def ms(n):
    return int(n * RATE / 1000)


def read(path):
    try:
        audio, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError:
        done = subprocess.run(["sox", path, "-t", "wav", "-r", "8000", "-c", "1", "-b", "16", "-"], capture_output=True, check=True)
        audio, rate = np.frombuffer(done.stdout[44:], "<i2").astype(np.float32) / 32768, 8000
    if audio.ndim > 1:
        audio = audio.mean(axis=1)
    return resample_poly(audio, RATE, rate).astype(np.float32) if rate != RATE else audio


def speech_of(audio):
    """Where it speaks: (start, end) in samples, pauses under 240 ms joined."""
    hop = ms(10)
    frames = audio[: len(audio) // hop * hop].reshape(-1, hop)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    loud = level > max(np.percentile(level, 95) - 30, np.percentile(level, 10) + 6)
    spans = []
    for n in np.flatnonzero(loud):
        if spans and n - spans[-1][1] <= 24:
            spans[-1][1] = n + 1
        else:
            spans.append([n, n + 1])
    return [(a * hop, b * hop) for a, b in spans if b - a >= 6]


def trimmed(audio):
    spans = speech_of(audio)
    if not spans:
        return None
    return audio[max(0, spans[0][0] - ms(20)) : spans[-1][1] + ms(40)]


def levelled(audio):
    power = np.sqrt((audio**2).mean() + 1e-12)
    return audio * (0.1 / power)


class Scene:
    """Speech piece by piece, with what is said."""

    def __init__(self, start_ms):
        self.parts, self.at = [], start_ms

    def say(self, audio, text):
        self.parts.append((self.at, audio, text))
        self.at += len(audio) * 1000 / RATE

    def wait(self, how_long_ms):
        self.at += how_long_ms


def person(rng, pieces, kind):
    """A first answer, silence, and most answer again."""
    scene = Scene(rng.choice([120, 300, 500, 800]) + rng.random() * 200 + (rng.uniform(1500, 3500) if rng.random() < 0.12 else 0))
    for n, (audio, text) in enumerate(pieces[:1] if kind == "short" else pieces):
        if n:
            scene.wait(rng.uniform(60, 300))
        scene.say(audio, text)
    for _ in range(2):
        if rng.random() < 0.6:
            scene.wait(rng.uniform(2200, 4500))
            scene.say(*pieces[0])
    scene.wait(3500)
    return scene


def machine(rng, pieces):
    scene = Scene(rng.choice([120, 300, 500, 900]) + rng.random() * 200 + (rng.uniform(1500, 3500) if rng.random() < 0.1 else 0))
    for n, (audio, text) in enumerate(pieces):
        if n:
            scene.wait(rng.uniform(150, 600) if rng.random() < 0.85 else rng.uniform(600, 1500))
        scene.say(audio, text)
    return scene


def beep(rng):
    hz, length = rng.choice([440, 620, 780, 850, 1000, 1200, 1400]), rng.choice([150, 300, 500, 900])
    t = np.arange(ms(length)) / RATE
    tone = 0.1 * np.sin(2 * np.pi * hz * t) * 10 ** (rng.uniform(-10, 0) / 20)
    edge = min(len(t), ms(5))
    tone[:edge] *= np.linspace(0, 1, edge)
    tone[-edge:] *= np.linspace(1, 0, edge)
    return tone.astype(np.float32), hz


def noise_of(rng, kind, length, babble):
    made = np.random.default_rng(rng.randrange(1 << 30)).standard_normal(length).astype(np.float32)
    if kind == "street":
        b, a = butter(2, [80 / 4000, 700 / 4000], "band")
        made = lfilter(b, a, made) * (1 + 0.6 * np.sin(2 * np.pi * np.arange(length) / RATE * rng.uniform(0.1, 0.5)))
    elif kind == "babble":
        made = np.zeros(length, np.float32)
        for _ in range(14):
            voice = rng.choice(babble)
            voice = np.tile(voice, length // len(voice) + 2)
            made += voice[rng.randrange(len(voice) - length + 1) :][:length]
    elif kind == "office":
        b, a = butter(1, 400 / 4000, "low")
        made = lfilter(b, a, made)
    return made / (np.sqrt((made**2).mean()) + 1e-9)


def coded(audio, codec):
    if codec == "none":
        return audio
    if codec == "gsm":
        with tempfile.NamedTemporaryFile(suffix=".gsm") as file:
            raw = ["-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16"]
            data = (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()
            subprocess.run(["sox", *raw, "-", file.name], input=data, check=True)
            done = subprocess.run(["sox", file.name, *raw, "-"], capture_output=True, check=True)
        return np.frombuffer(done.stdout, "<i2").astype(np.float32) / 32768
    mu = 255.0 if codec == "g711u" else 87.6
    if codec == "g711u":
        y = np.sign(audio) * np.log1p(mu * np.abs(audio)) / np.log1p(mu)
        y = np.round(y * 127) / 127
        return np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu
    x = np.abs(audio)
    y = np.where(x < 1 / mu, mu * x / (1 + np.log(mu)), (1 + np.log(np.maximum(mu * x, 1))) / (1 + np.log(mu)))
    y = np.round(y * 127) / 127
    x = np.where(y < 1 / (1 + np.log(mu)), y * (1 + np.log(mu)) / mu, np.exp(y * (1 + np.log(mu)) - 1) / mu)
    return np.sign(audio) * x


def rendered(rng, scene, label, babble):
    """The audio of a scene, its labels and what was done to it."""
    tail = 3000 if label == "human" else rng.uniform(2500, 4500)
    total = ms(max(9000, scene.at + tail))
    audio, spans, words, marks = np.zeros(total, np.float32), [], [], []
    for at, piece, text in scene.parts:
        start = ms(at)
        piece = levelled(piece)[: total - start]
        audio[start : start + len(piece)] += piece
        for a, b in speech_of(piece):
            spans.append({"start_ms": int(at + a / 8), "end_ms": int(at + b / 8)})
        parts = text.split() if text else ["[unk]"] * max(1, round(len(piece) / RATE * 2.7))
        total_len = sum(len(part) + 1 for part in parts)
        clock, length = at, len(piece) * 1000 / RATE
        for part in parts:
            step = length * (len(part) + 1) / total_len
            words.append([part, int(clock), int(clock + step)])
            clock += step
    beeps = []
    if label == "machine" and rng.random() < 0.6:
        tone, hz = beep(rng)
        at = scene.at + rng.uniform(300, 1600)
        start = ms(at)
        tone = tone[: max(0, total - start)]
        audio[start : start + len(tone)] += tone
        beeps.append({"start_ms": int(at), "end_ms": int(at + len(tone) / 8), "hz": [hz]})
    b, a = butter(2, [rng.choice([150, 250, 300]) / 4000, 3400 / 4000], "band")
    audio = lfilter(b, a, audio).astype(np.float32)
    kind = rng.choices(["line", "street", "office", "babble"], [78, 10, 7, 5])[0]
    snr = rng.uniform(18, 45) if kind == "line" else rng.uniform(8, 24)
    audio += 0.1 * 10 ** (-snr / 20) * noise_of(rng, kind, total, babble).astype(np.float32)
    marks.append(f"noise_{kind}:{snr:.0f}")
    level = rng.choice([-34, -28, -24, -22, -20, -17, -14])
    audio *= 10 ** ((level + 20) / 20)
    if rng.random() < 0.08:
        audio += rng.choice([-1, 1]) * 0.01
        marks.append("dc_offset")
    codec = rng.choice(["g711u", "g711u", "g711a", "gsm", "none"])
    audio = coded(np.clip(audio, -0.99, 0.99), codec)
    audio = np.pad(audio, (0, max(0, total - len(audio))))[:total]
    marks += [f"codec_{codec}", f"level:{level}"]
    if rng.random() < 0.15:
        share = rng.uniform(0.01, 0.06)
        for n in range(0, total - 160, 160):
            if rng.random() < share:
                audio[n : n + 160] = 0
        marks.append(f"loss:{share:.2f}")
    return audio, spans, words, beeps, marks


def first_end(spans):
    for before, after in zip(spans, spans[1:]):
        if after["start_ms"] - before["end_ms"] >= 700:
            return before["end_ms"]
    return spans[-1]["end_ms"]


def likeness(audio):
    """Mean spectrum, to bring recordings of one voice together roughly."""
    hop = 256
    frames = audio[: len(audio) // hop * hop].reshape(-1, hop) * np.hanning(hop)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    loud = power.sum(axis=1) > np.percentile(power.sum(axis=1), 50)
    bands = np.log(power[loud].mean(axis=0)[3:123].reshape(24, 5).mean(axis=1) + 1e-9)
    return bands - bands.mean()


def of_bank(folder, rng):
    """(group, language, half, kind, pieces) of the spoken lines."""
    found = []
    for table in sorted(folder.glob("bank-*.jsonl")):
        for line in map(json.loads, table.read_text().splitlines()):
            pieces = [(read(folder / file), text) for file, text in zip(line["files"], line["texts"])]
            kind = {"sentence": "sentence", "company": "company", "short": "short"}.get(line["kind"], "machine")
            found.append((line["voice"], line["language"], line["half"], kind, pieces))
    # Greetings are longer than one sentence mostly: lines of the same voice and half follow until the length is reached.
    more = {}
    for voice, _, half, kind, pieces in found:
        if kind == "machine":
            more.setdefault((voice, half), []).append(pieces)
    made = []
    for voice, language, half, kind, pieces in found:
        if kind == "machine":
            others = [other for other in more[voice, half] if other is not pieces]
            rng.shuffle(others)
            wanted = greeting_ms(rng)
            while others and sum(len(audio) for audio, _ in pieces) < ms(wanted):
                pieces = pieces + others.pop()
        made.append((voice, language, half, kind, pieces))
    return made


def greeting_ms(rng):
    """How long a greeting's speech is: half of them more than 6 s, one in ten less than 2.5 s."""
    return min(14_000, max(1_500, 6_000 * 2.718 ** rng.gauss(0, 0.68)))


def of_people(folder, rng):
    """Recorded people: short words, orders as sentences, and orders of a like voice one after the other as a greeting."""
    rows = [json.loads(line) for line in (folder / "voices.jsonl").read_text().splitlines()]
    by = {"orders": [], "words": [], "wake": []}
    rng.shuffle(rows)
    for row in rows:
        place = row["file"].split("/")[0]
        if len(by[place]) < {"orders": 200, "words": 60, "wake": 90}[place]:
            audio = trimmed(read(folder / row["file"]))
            if audio is not None and len(audio) >= ms(250):
                by[place].append((row["file"], audio))
    found = []
    for place in ("words", "wake"):
        for name, audio in by[place]:
            if len(audio) < ms(1600):
                found.append((f"real:{name}", "en", "measure", "short", [(audio, None)]))
    orders = by["orders"]
    shapes = np.array([likeness(audio) for _, audio in orders])
    used = set()
    for n, (name, audio) in enumerate(orders):
        if n in used:
            continue
        near = [k for k in np.argsort(((shapes - shapes[n]) ** 2).sum(axis=1)) if k not in used][:4]
        used.update(near)
        group = f"real:{name}"
        for k in near[:2]:
            if len(orders[k][1]) < ms(4600):
                found.append((group, "en", "measure", "sentence", [(orders[k][1], None)]))
        pieces, wanted = [], greeting_ms(rng)
        for k in near:
            if not pieces or sum(len(piece) for piece, _ in pieces) < ms(wanted):
                pieces.append((orders[k][1], None))
        found.append((group, "en", "measure", "machine", pieces))
    return found


def of_klettres(folder, rng):
    """One recorded speaker for each language: syllables, alone and in rows, as people and machines say their words."""
    found = []
    for home in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(home.rglob("*.ogg"))
        if len(files) < 12:
            continue
        clips = []
        for path in rng.sample(files, min(40, len(files))):
            audio = trimmed(read(path))
            if audio is not None and ms(120) < len(audio) < ms(1500):
                clips.append(levelled(audio))
        if len(clips) < 10:
            continue

        def row(count, gap):
            parts = []
            for clip in rng.sample(clips, min(count, len(clips))):
                parts += [clip[: ms(rng.uniform(220, 420))], np.zeros(ms(rng.uniform(*gap)), np.float32)]
            return np.concatenate(parts[:-1])

        group = f"klettres:{home.name}"
        language = home.name.split("_")[0]
        for _ in range(3):
            found.append((group, language, "measure", "short", [(rng.choice(clips), None)]))
        for _ in range(2):
            found.append((group, language, "measure", "sentence", [(row(rng.choice([2, 3, 4, 5]), (10, 90)), None)]))
        found.append((group, language, "measure", "company", [(row(rng.choice([7, 9]), (10, 90)), None)]))
        for _ in range(4):
            pieces, wanted = [], greeting_ms(rng)
            while sum(len(piece) for piece, _ in pieces) < ms(wanted):
                pieces.append((row(rng.choice([3, 5, 7, 9, 12]), (10, 90)), None))
            found.append((group, language, "measure", "machine", pieces))
    return found


def of_prompts(folders, rng):
    """Recorded prompts: short ones as people, those of mailboxes and menus as machines."""
    found = []
    for folder in folders:
        files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".gsm", ".wav")]
        group, language = f"prompts:{folder.name}", folder.name.split("_")[0]
        short, long = [], []
        for path in rng.sample(files, min(120, len(files))):
            audio = trimmed(read(path))
            if audio is None:
                continue
            if ms(250) < len(audio) < ms(1300):
                short.append(audio)
            elif ms(1800) < len(audio) < ms(7000) and path.stem.split("-")[0] in (
                "vm", "conf", "agent", "pbx", "queue", "dir", "privacy", "screen", "tt", "call", "cannot", "ss", "please"
            ):
                long.append(audio)
        for audio in short[:8]:
            found.append((group, language, "measure", "short", [(audio, None)]))
        for n in range(8):
            pieces, wanted = [], greeting_ms(rng)
            for piece in rng.sample(long, min(6, len(long))):
                if sum(len(piece) for piece, _ in pieces) < ms(wanted):
                    pieces.append((piece, None))
            found.append((group, language, "measure", "machine", pieces))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bank", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--people", type=pathlib.Path)
    parser.add_argument("--klettres", type=pathlib.Path)
    parser.add_argument("--prompts", type=pathlib.Path, nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    sources = of_bank(args.bank, rng)
    if args.people:
        sources += of_people(args.people, rng)
    if args.klettres:
        sources += of_klettres(args.klettres, rng)
    sources += of_prompts(args.prompts, rng)
    babble = [levelled(pieces[0][0]) for _, _, _, kind, pieces in sources if kind in ("sentence", "machine")]
    babble = [voice for voice in rng.sample(babble, min(40, len(babble))) if len(voice) > ms(600)]
    (args.out / "cases").mkdir(parents=True, exist_ok=True)
    with open(args.out / "labels.jsonl", "w") as labels:
        for n, (group, language, half, kind, pieces) in enumerate(sources):
            label = "machine" if kind == "machine" else "human"
            scene = machine(rng, pieces) if label == "machine" else person(rng, pieces, kind)
            audio, spans, words, beeps, marks = rendered(rng, scene, label, babble)
            if not spans:
                continue
            name = f"{group.split(':')[0]}_{n:04d}_{kind}"
            soundfile.write(args.out / "cases" / f"{name}.wav", audio, RATE, subtype="PCM_16")
            line = {
                "id": name, "file": f"cases/{name}.wav", "label": label, "subtype": f"{group.split(':')[0]}_{kind}", "half": half,
                "language": language, "speakers": [group], "degradations": marks, "segments": spans, "words": words,
                "first_utterance_end_ms": first_end(spans), "beeps": beeps,
            }
            if label == "machine":
                line["greeting_end_ms"] = spans[-1]["end_ms"]
            labels.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
