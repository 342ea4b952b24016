//! What the server leaves on the disk is nobody else's on the machine.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::house::House;
use crate::system_fixture::{PERSON, last_word};
use crate::system_process::{Launch, Server};

/// What others may do with anything below `folder`, by path.
fn open_to_others(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut open = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            open.push((path, mode));
        }
    }
    open
}

#[tokio::test]
async fn recordings_speech_and_versions_are_private_new_ones_and_those_of_before() {
    let house = House::start("data/dering.db").await;
    let folder = house.folder.path();
    let folders = ["recordings", "speech", "data/flow-versions"].map(|name| folder.join(name));
    for old in &folders {
        fs::create_dir_all(old.join("of before")).unwrap();
        for path in [old.join("x.wav"), old.join("of before/y.wav")] {
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        }
        for path in [old.clone(), old.join("of before")] {
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
    }
    let script = format!(
        "umask 022; sed -i 's|^database:.*|database: {}|' {}; exec \"$@\"",
        folder.join("data/dering.db").display(),
        folder.join("dering.yaml").display()
    );
    let launch = Launch { script: &script, ..Launch::default() };
    let server = Server::launch(folder, &house.carrier, launch).await;
    let client = house.client(&server);
    for bot in ["short", "speak", "card"] {
        let call_id = client.dial(bot, PERSON, house.told(json!({}))).await;
        if bot == "card" {
            client.hang_up(&call_id).await;
        }
        last_word(&house.inbox, &call_id).await;
    }
    for folder in &folders {
        assert!(fs::read_dir(folder).unwrap().count() > 1, "{} holds something new", folder.display());
        assert_eq!(open_to_others(folder), []);
    }
    let beside: Vec<_> =
        fs::read_dir(folder.join("data")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in beside.iter().filter(|path| path.is_file()) {
        assert_eq!(open_to_others(path), []);
    }
    server.kill().await;
}
