#!/usr/bin/env python3
"""Speaks every line of phrases.json with many voices, and cuts up recorded prompts and digits.

  make_bank.py OUT.npz --digits FOLDER --prompts FOLDER

Needs espeak-ng, flite and sox on the path. --digits is a folder of DIGIT_SPEAKER_INDEX.wav (Free Spoken
Digit Dataset), --prompts the folder that Debian's asterisk-core-sounds-*-wav packages fill
(usr/share/asterisk/sounds). Voices that the judging corpus uses are left out on purpose: espeak-ng
variants f2, f5, m2, m3, m5 and flite's slt and awb.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
ESPEAK = {"en": ["en-us", "en-gb", "en-gb-scotland", "en-029"], "es": ["es", "es-419"], "fr": ["fr-fr", "fr-be"], "pt": ["pt-br", "pt"]}
VARIANTS = ["m1", "m4", "m6", "m7", "f1", "f3", "f4", "Andy", "Annie", "Michael", "steph", "anika", "linda", "edward", "zac", "shelby", "max", "belinda"]
KINDS = ["short", "sentence", "business", "greeting", "notice"]


def pcm(command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True)
    return np.frombuffer(done.stdout, dtype="<i2")


def trim(x):
    """Cuts silence off both ends: 35 dB below the loudest 20 ms."""
    n = len(x) // 160
    if n < 4:
        return x[:0]
    e = (x[: n * 160].astype(np.float32).reshape(n, 160) ** 2).mean(1)
    on = np.flatnonzero(e > e.max() * 3e-4)
    return x[on[0] * 160 : (on[-1] + 1) * 160]


def speak(job):
    voice, rate, pitch, text = job
    if voice.startswith("flite:"):
        name = voice.split(":")[1]
        path = f"/tmp/flite-{abs(hash(job))}.wav"
        subprocess.run(["flite", "-voice", name, "--setf", f"duration_stretch={rate}", "-t", text, "-o", path], capture_output=True)
        x = pcm(["sox", path, "-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-"])
        pathlib.Path(path).unlink(missing_ok=True)
    else:
        wav = subprocess.run(["espeak-ng", "-v", voice, "-s", str(rate), "-p", str(pitch), "--stdout", text], capture_output=True).stdout
        x = pcm(["sox", "-t", "wav", "-", "-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-"], wav)
    return trim(x)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--digits")
    p.add_argument("--prompts")
    p.add_argument("--voices", type=int, default=5, help="voices per line")
    a = p.parse_args()
    rng = np.random.default_rng(1)
    phrases = json.load(open(HERE / "phrases.json"))
    jobs, about = [], []
    for language, kinds in phrases.items():
        if language == "about":
            continue
        for kind in KINDS:
            for number, line in enumerate(kinds[kind]):
                clauses = line if isinstance(line, list) else [line]
                voices = rng.choice(len(VARIANTS), a.voices * (2 if language == "en" else 1), replace=False)
                for v in voices:
                    base = rng.choice(ESPEAK.get(language, [language]))
                    voice = f"{base}+{VARIANTS[v]}"
                    if language == "en" and rng.random() < 0.25:
                        voice = "flite:" + rng.choice(["kal", "rms", "kal16"])
                    rate = float(rng.uniform(0.85, 1.2)) if voice.startswith("flite") else int(rng.integers(125, 195))
                    pitch = int(rng.integers(30, 70))
                    for c, clause in enumerate(clauses):
                        jobs.append((voice, rate, pitch, clause))
                        about.append((kind, language, voice, f"{language}/{kind}/{number}/{voice}/{rate}/{pitch}", c))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        audio = list(pool.map(speak, jobs, chunksize=8))
    print(f"{len(audio)} spoken", file=sys.stderr)
    if a.digits:
        files = sorted(pathlib.Path(a.digits).glob("*.wav"))
        for f in files:
            digit, speaker, index = f.stem.split("_")
            if int(index) % 2 == 0:
                audio.append(trim(pcm(["sox", str(f), "-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-"])))
                about.append(("digit", "en", speaker, f"digit/{speaker}/{index}/{digit}", 0))
    if a.prompts:
        for f in sorted(pathlib.Path(a.prompts).glob("*_*_*_*/**/*.wav")):
            voice = f.relative_to(a.prompts).parts[0]
            name = f.stem
            if "silence" in str(f) or re.search(r"beep|tone|ring|ding|bell|fax|busy|conf-.*(join|leave)|monkeys|whistle|music", name):
                continue
            x = trim(pcm(["sox", str(f), "-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-"]))
            if len(x) < 1200 or len(x) > 8000 * 12:
                continue
            machine = re.match(r"(vm-|ss-|queue-|pbx-|priv|dir-|conf-|agent|demo|im-sorry|cannot|no-route|num|the-|all-|please|invalid|your|you-|call-|ss|spy|screen|person|auth|access|check|discon|have|followme|not-)", name)
            kind = "prompt" if machine and len(x) > 8000 else "word"
            audio.append(x)
            about.append((kind, voice[:2], voice, f"prompt/{voice}/{name}", 0))
    keep = [n for n, x in enumerate(audio) if len(x) >= 1000]
    lengths = np.array([len(audio[n]) for n in keep])
    np.savez(a.out, samples=np.concatenate([audio[n] for n in keep]).astype(np.int16), lengths=lengths,
             about=np.array(["\t".join(map(str, about[n])) for n in keep]))
    print(f"{len(keep)} utterances, {lengths.sum() / 8000 / 60:.0f} minutes", file=sys.stderr)


if __name__ == "__main__":
    main()
