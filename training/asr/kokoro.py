"""Kokoro's voices at any speed, from the folder that `dering voices fetch kokoro` makes."""

import importlib.util
import pathlib

import numpy as np
import onnxruntime

WORKER = pathlib.Path(__file__).parents[2] / "src/speech/tts/kokoro/worker.py"


class Kokoro:
    def __init__(self, folder):
        found = importlib.util.spec_from_file_location("worker", WORKER)
        self.worker = importlib.util.module_from_spec(found)
        found.loader.exec_module(self.worker)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "kokoro.onnx"), options, providers=["CPUExecutionProvider"])
        self.known = self.worker.symbols()
        rows = lambda path: np.fromfile(path, "<f4").reshape(self.worker.ROWS, 1, self.worker.WIDTH)
        self.voices = {path.stem: rows(path) for path in sorted((folder / "voices").glob("*.bin"))}
        self.names = list(self.voices)

    def say(self, name, language, text, speed):
        """24 kHz, up to 1.0."""
        numbers = [self.known[symbol] for symbol in self.worker.phonemes(language, text + ".") if symbol in self.known]
        return self.session.run(None, {
            "tokens": np.array([[0, *numbers, 0]], np.int64),
            "style": self.voices[name][len(numbers)],
            "speed": np.array([speed], np.float32),
        })[0].ravel()
