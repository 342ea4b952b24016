//! How the command line reaches a running server on the same machine: a file beside the database with the server's address
//! and a key of this process. It is readable by the same users as the database, and by nobody else.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::access::{LocalKey, new_local_key};
use crate::config::local_file;

/// The file; gone when this is dropped. One that a crash leaves behind opens nothing: its key died with the process.
#[derive(Debug)]
pub(super) struct Local {
    path: PathBuf,
    pub(super) key: LocalKey,
}

impl Local {
    /// Right only for who holds the database's lock.
    pub(super) fn leave(database: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let path = local_file(database);
        let (text, key) = new_local_key();
        let reachable = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => {
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
            }
            IpAddr::V6(ip) if ip.is_unspecified() => {
                SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port())
            }
            IpAddr::V4(_) | IpAddr::V6(_) => address,
        };
        let told = json!({ "url": format!("http://{reachable}"), "key": text.expose_secret() });
        let write = || {
            // A file that a crash left behind may have another mode.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
            file.write_all(told.to_string().as_bytes())
        };
        write().with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path, key })
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // What stays behind opens nothing.
        drop(fs::remove_file(&self.path));
    }
}
