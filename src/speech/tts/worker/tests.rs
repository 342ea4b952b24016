use std::path::Path;

use super::*;

/// A program in Python that answers as it is told by the text: the last word is what goes wrong, if anything does.
const PROGRAM: &str = r#"
import json, os, sys, time
out = sys.stdout.buffer
def say(head, audio=b""):
    out.write(json.dumps(head).encode() + b"\n" + audio); out.flush()
if len(sys.argv) > 1 and sys.argv[1] == "never": sys.exit("no model is here")
with open(sys.argv[1], "a") as starts: starts.write(f"{os.getpid()}\n")
say({"ready": True})
for line in sys.stdin:
    request = json.loads(line)
    what = request["text"].split()[-1]
    if what == "dies": os._exit(1)
    if what == "hangs": time.sleep(600)
    if what == "babbles": out.write(b"Loading model...\n"); out.flush(); continue
    if what == "stops": say({"id": request["id"], "rate": 8000, "samples": 400}, b"\0" * 10); os._exit(0)
    if what == "grows": hoard = bytearray(os.urandom(1) * (200 << 20)); time.sleep(600)
    if what == "refuses": say({"id": request["id"], "error": "no such voice"}); continue
    say({"id": request["id"], "rate": 8000, "samples": 4}, b"\1\0\2\0\3\0\4\0")
"#;

fn worker(starts: &Path) -> Worker {
    Worker::new(Options {
        program: "python3".into(),
        arguments: ["-I".into(), "-c".into(), PROGRAM.into(), starts.into()].into(),
        advice: "install python3",
        start: Duration::from_secs(20),
        sentence: Duration::from_secs(2),
        memory_bytes: 100 << 20,
    })
}

fn sentence(text: &str) -> Sentence {
    Sentence { text: text.into(), language: "en".into(), voice: "v".into() }
}

fn pids(starts: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(starts).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[tokio::test]
async fn one_process_speaks_many_sentences() {
    let folder = tempfile::tempdir().expect("a folder");
    let starts = folder.path().join("starts");
    let worker = worker(&starts);
    assert!(pids(&starts).is_empty(), "nothing runs before somebody speaks");
    for _ in 0..20 {
        let spoken = worker.speak(sentence("well")).await.expect("spoken");
        assert_eq!(spoken, Spoken { rate: 8_000, samples: vec![1, 2, 3, 4] });
    }
    let refused = worker.speak(sentence("refuses")).await.expect_err("refused").to_string();
    assert!(refused.contains("no such voice"), "{refused}");
    worker.speak(sentence("well")).await.expect("a sentence that is refused harms no other");
    assert_eq!(pids(&starts).len(), 1);
}

#[tokio::test]
async fn a_process_killed_in_between_is_not_noticed_by_those_who_speak() {
    let folder = tempfile::tempdir().expect("a folder");
    let starts = folder.path().join("starts");
    let worker = worker(&starts);
    for round in 1..=3 {
        worker.speak(sentence("well")).await.expect("spoken");
        let all = pids(&starts);
        assert_eq!(all.len(), round);
        let pid = rustix::process::Pid::from_raw(all[round - 1]).expect("a process");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it runs");
    }
    worker.speak(sentence("well")).await.expect("spoken by the fourth");
}

#[tokio::test]
async fn whatever_a_process_does_wrong_costs_its_sentence_and_no_other() {
    for (what, said) in [
        ("dies", "ended"),
        ("babbles", "no answer"),
        ("stops", "cut off"),
        ("hangs", "longer than 2 s"),
        ("grows", "100 are allowed"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let worker = worker(&folder.path().join("starts"));
        let error = worker.speak(sentence(what)).await.expect_err(what).to_string();
        assert!(error.contains(said), "{what}: {error}");
        worker.speak(sentence("well")).await.unwrap_or_else(|error| panic!("after {what}: {error}"));
    }
}

#[tokio::test]
async fn a_program_that_does_not_start_tells_its_last_words_and_is_left_alone_after_that() {
    let worker = worker(Path::new("never"));
    let error = worker.speak(sentence("well")).await.expect_err("none").to_string();
    assert!(error.contains("no model is here"), "{error}");
    worker.speak(sentence("well")).await.expect_err("tried again");
    let error = worker.speak(sentence("well")).await.expect_err("left alone").to_string();
    assert!(error.contains("left alone"), "{error}");
}
