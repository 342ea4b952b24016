#!/usr/bin/env python3
"""Speaks every line of phrases.json with many voices, and cuts up recorded prompts and digits.

  make_bank.py OUT.npz --digits FOLDER --prompts FOLDER

Needs espeak-ng, flite, festival with its voices, pico2wave and sox on the path (README.md names the Debian
packages). --digits is a folder of DIGIT_SPEAKER_INDEX.wav (Free Spoken Digit Dataset), --prompts the folder
that Debian's asterisk-core-sounds-*-wav and asterisk-prompt-* packages fill (usr/share/asterisk/sounds).
Voices that the judging corpus uses are left out on purpose: espeak-ng variants f2, f5, m2, m3, m5 and flite's
slt and awb. {name} and {company} in a line are filled in with one of the language's own.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).parent
ESPEAK = {"en": ["en-us", "en-gb", "en-gb-scotland", "en-029", "en-gb-x-rp", "en-us-nyc"], "es": ["es", "es-419"], "fr": ["fr-fr", "fr-be", "fr-ch"], "pt": ["pt-br", "pt"]}
VARIANTS = ["m1", "m4", "m6", "m7", "m8", "f1", "f3", "f4", "Andy", "Annie", "Michael", "steph", "anika", "linda", "edward", "zac", "shelby", "max", "belinda", "Alex", "Denis", "Gene", "Henrique", "Hugo", "Jacky", "Lee", "Mario", "Nguyen", "Tweaky", "adam", "antonio", "benjamin", "caleb", "david", "ed", "iven", "john", "kaukovalta", "marcelo", "miguel", "norbert", "pablo", "paul", "quincy", "rob", "robert", "travis", "victor", "AnxiousAndy", "aunty", "grandma", "grandpa", "klatt", "klatt2", "klatt3", "klatt4", "sandro", "steph2", "steph3", "anikaRobot"]
PICO = {"en": ["en-US", "en-GB"], "es": ["es-ES"], "fr": ["fr-FR"], "de": ["de-DE"], "it": ["it-IT"]}
# Name here, name in festival, encoding of its text.
FESTIVAL = {
    "en": [("kal", "kal_diphone", "latin-1"), ("slt", "cmu_us_slt_arctic_hts", "latin-1")],
    "cs": [("machac", "czech_machac", "iso-8859-2"), ("ph", "czech_ph", "iso-8859-2")],
    "fi": [("mv", "hy_fi_mv_diphone", "latin-1"), ("lj", "suo_fi_lj_diphone", "latin-1")],
    "it": [("lp", "lp_diphone", "latin-1"), ("pc", "pc_diphone", "latin-1")],
    "ru": [("nsh", "msu_ru_nsh_clunits", "utf-8")],
}
KINDS = ["short", "sentence", "business", "greeting", "notice"]
RAW = ["-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-"]


def pcm(command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True)
    return np.frombuffer(done.stdout[: len(done.stdout) // 2 * 2], dtype="<i2")


def trim(x):
    """Cuts silence off both ends: 35 dB below the loudest 20 ms."""
    n = len(x) // 160
    if n < 4:
        return x[:0]
    e = (x[: n * 160].astype(np.float32).reshape(n, 160) ** 2).mean(1)
    on = np.flatnonzero(e > e.max() * 3e-4)
    return x[on[0] * 160 : (on[-1] + 1) * 160]


def speak(voice, rate, pitch, text, path):
    """8 kHz samples of `text`. rate and pitch are factors around 1."""
    maker, name = voice.split(":", 1)
    if maker == "flite":
        subprocess.run(["flite", "-voice", name, "--setf", f"duration_stretch={1 / rate:.2f}", "-t", text, "-o", path], capture_output=True)
    elif maker == "pico":
        marked = f"<pitch level='{round(100 * pitch)}'><speed level='{round(100 * rate)}'>{text}</speed></pitch>"
        subprocess.run(["pico2wave", "-l", name, "-w", path, marked], capture_output=True)
    else:
        subprocess.run(["espeak-ng", "-v", name, "-s", str(round(160 * rate)), "-p", str(round(50 * pitch)), "-w", path, text], capture_output=True)
    return trim(pcm(["sox", path, *RAW]))


def festival(voice, encoding, lines, folder):
    """All lines of one festival voice in one process: it takes a second to start."""
    script = [f"(voice_{voice})"]
    for n, (rate, text) in enumerate(lines):
        quoted = text.replace("\\", "").replace('"', "")
        script.append(f"(Parameter.set 'Duration_Stretch {1 / rate:.2f})")
        script.append(f'(set! u (utt.synth (Utterance Text "{quoted}")))')
        script.append(f"(utt.save.wave u \"{folder}/{n}.wav\" 'riff)")
    path = pathlib.Path(folder) / "say.scm"
    path.write_bytes("\n".join(script).encode(encoding, "replace"))
    subprocess.run(["festival", "-b", str(path)], capture_output=True)
    return [trim(pcm(["sox", f"{folder}/{n}.wav", *RAW])) if (pathlib.Path(folder) / f"{n}.wav").exists() else np.zeros(0, np.int16) for n in range(len(lines))]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--digits")
    p.add_argument("--prompts")
    p.add_argument("--voices", type=int, default=3, help="espeak-ng voices per line")
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
                voices = [f"espeak:{rng.choice(ESPEAK.get(language, [language]))}+{v}" for v in rng.choice(VARIANTS, a.voices * (2 if language == "en" else 1), replace=False)]
                voices += [f"pico:{v}" for v in PICO.get(language, [])]
                voices += [f"festival:{v[0]}" for v in FESTIVAL.get(language, [])]
                if language == "en":
                    voices += ["flite:" + rng.choice(["kal", "rms", "kal16"])]
                for voice in voices:
                    rate, pitch = rng.uniform(0.85, 1.2), rng.uniform(0.75, 1.3)
                    name = rng.choice(kinds.get("names", ["anna", "max", "maria"]))
                    company = rng.choice(kinds.get("companies", ["alfa", "nova", "omega"]))
                    for c, clause in enumerate(clauses):
                        text = clause.replace("{name}", name).replace("{company}", company)
                        jobs.append((voice, rate, pitch, text))
                        about.append((kind, language, voice, f"{language}/{kind}/{number}/{voice}", c))
    audio = [np.zeros(0, np.int16)] * len(jobs)
    with tempfile.TemporaryDirectory() as folder:
        for n, (voice, rate, pitch, text) in enumerate(jobs):
            if not voice.startswith("festival:"):
                audio[n] = speak(voice, rate, pitch, text, f"{folder}/one.wav")
        for voices in FESTIVAL.values():
            for name, full, encoding in voices:
                mine = [n for n, job in enumerate(jobs) if job[0] == f"festival:{name}"]
                for n, x in zip(mine, festival(full, encoding, [(jobs[n][1], jobs[n][3]) for n in mine], folder)):
                    audio[n] = x
    print(f"{len(audio)} spoken", file=sys.stderr)
    if a.digits:
        for f in sorted(pathlib.Path(a.digits).glob("*.wav")):
            digit, speaker, index = f.stem.split("_")
            if int(index) % 2 == 0:
                audio.append(trim(pcm(["sox", str(f), *RAW])))
                about.append(("digit", "en", speaker, f"digit/{speaker}/{index}/{digit}", 0))
    if a.prompts:
        files = sorted(pathlib.Path(a.prompts).glob("*_*_*_*/**/*.wav")) + sorted(pathlib.Path(a.prompts).glob("fr/**/*.gsm"))
        for f in files:
            voice = f.relative_to(a.prompts).parts[0]
            voice = "fr_armelle" if voice == "fr" else voice
            name = f.stem
            if "silence" in str(f) or re.search(r"beep|tone|ring|ding|bell|fax|busy|conf-.*(join|leave)|monkeys|whistle|music", name):
                continue
            x = trim(pcm(["sox", str(f), *RAW]))
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
    print(collections.Counter(about[n][2].split(":")[0] for n in keep).most_common(), file=sys.stderr)


if __name__ == "__main__":
    main()
