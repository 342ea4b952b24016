"""Verdicts with a recogniser's own words: `with_whisper.py DERING LABELS DUMP MODEL WORKPLACE [LAG_MS]`.

Every utterance of a scene that the detector found (DUMP, see `fit.py`) is recognised by `dering stt eval`; its final words come
LAG_MS (700) after its end, and words of the first two seconds of a long one 300 ms after them. Then `dering amd --words` judges. Prints both errors
with Clopper-Pearson bounds of 95 % and the latencies.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import soundfile
from scipy.stats import beta

LONGEST_MS, WATCHED_MS, PAUSE_MS = 8_000, 6_000, 500


def utterances(segments):
    found = []
    for start, end in segments:
        if found and start - found[-1][1] < PAUSE_MS:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [(start, end) for start, end in found[:3] if start - found[0][0] <= WATCHED_MS]


def share(wrong, of):
    low = beta.ppf(0.025, wrong, of - wrong + 1) if wrong else 0
    high = beta.ppf(0.975, wrong + 1, of - wrong) if wrong < of else 1
    return f"{wrong} of {of}, {100 * wrong / of:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def cuts_of(labels, dump, folder):
    """Cuts every utterance out; id of the scene -> [(file, end, final)]."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {pathlib.Path(d["file"]).name: d["evidence"]["segments"] for d in map(json.loads, open(dump))}
    cuts = {}
    with open(folder / "labels.jsonl", "w") as table:
        for label in map(json.loads, open(labels)):
            path = pathlib.Path(labels).parent / label["file"]
            spoken = utterances([(s["start_ms"], s["end_ms"]) for s in found.get(path.name, [])])
            cuts[label["id"]] = []
            for start, end in spoken:
                ends = [(min(end, start + LONGEST_MS), True)] + ([(start + 2_000, False)] if end - start > 2_400 else [])
                for at, is_final in ends:
                    name = f"{label['id']}-{at}.wav"
                    if not (folder / name).exists():
                        audio, rate = soundfile.read(path, dtype="int16")
                        part = audio[max(0, start - 200) * 8 : (at + 200 * is_final) * 8]
                        soundfile.write(folder / name, part, rate)
                    language = {"nb": "no"}.get(label["language"], label["language"])
                    table.write(json.dumps({"file": name, "text": "x", "language": language}) + "\n")
                    cuts[label["id"]].append((name, at, is_final))
    return cuts


def main():
    dering, labels, dump, model, workplace = sys.argv[1:6]
    lag_ms = int(sys.argv[6]) if len(sys.argv) > 6 else 700
    folder = pathlib.Path(workplace)
    cuts = cuts_of(labels, dump, folder)
    heard = folder / "heard.json"
    if not heard.exists():
        with open(heard, "w") as out:
            subprocess.run([dering, "stt", "eval", folder, "--model", model, "--json"], stdout=out, check=True)
    words = {row["file"]: row["understood"] or "" for row in json.loads(heard.read_text())["recordings"]}
    wrong, of, first, person, machine, starts = [0, 0], [0, 0], [], [], [], 0
    for label in map(json.loads, open(labels)):
        pieces = [
            {"at_ms": at + (lag_ms if is_final else 300), "text": words.get(name, ""), "final": is_final}
            for name, at, is_final in cuts[label["id"]]
        ]
        (folder / "words.json").write_text(json.dumps(sorted(pieces, key=lambda piece: piece["at_ms"])))
        path = pathlib.Path(labels).parent / label["file"]
        call = [dering, "amd", "--json", "--explain", "--locale", label["language"], "--words", folder / "words.json", path]
        told = json.loads(subprocess.run(call, capture_output=True, check=True).stdout)
        names = {"amd_human_detected": 0, "amd_machine_detected": 1, "amd_tone_detected": 1}
        verdict, at = next(((names[e["event"]], e["t_ms"]) for e in told["events"] if e["event"] in names), (None, None))
        is_machine = int(label["label"] == "machine")
        of[is_machine] += 1
        wrong[is_machine] += verdict == 1 - is_machine
        likely = told.get("likelyHumanMs")
        if verdict == 0 and not is_machine:
            person.append(at - label["first_utterance_end_ms"])
            spoken_to = likely if likely and "doubtedMs" not in told else at
            first.append(spoken_to - label["first_utterance_end_ms"])
        if verdict == 1 and is_machine and told["evidence"]["segments"]:
            machine.append(at - told["evidence"]["segments"][0]["start_ms"])
        starts += bool(is_machine and likely and (verdict == 1 or "doubtedMs" in told))
    print("person called machine ", share(wrong[0], of[0]))
    print("machine called person ", share(wrong[1], of[1]))
    print("begun too early       ", share(starts, of[1]))
    for name, values in (("first word", first), ("person", person), ("machine", machine)):
        print(f"{name}: p50 {np.quantile(values, 0.5):.0f}, p95 {np.quantile(values, 0.95):.0f} ms")


if __name__ == "__main__":
    main()
