//! What the callee's camera shows, kept beside the recording.

use std::time::Duration;

use callcore::clock::CallTime;

use super::{Actor, Running};
use crate::session::record::camera_file::CameraFile;
use crate::trunk::CameraFrame;

impl Actor {
    /// A frame of the camera, of a call that is recorded.
    pub(super) fn film(&self, frame: CameraFrame, running: &mut Running, now: CallTime) {
        let Running { sound: Some(sound), camera, .. } = running else { return };
        let Some(recorded) = sound.recording_begun() else { return };
        let file = camera.get_or_insert_with(|| CameraFile::start(&recorded.path, recorded.started_at));
        file.silence(sound.hides_callee());
        file.push(frame, now);
    }
}

/// A disk that takes longer to close the file of a camera is not waited for.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Closes the file of the camera. The call has its end whether the disk took it or not.
pub(super) async fn keep_camera(call_id: &str, camera: CameraFile) {
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    let closed = tokio::time::timeout(CLOSED_WITHIN, camera.finish()).await;
    if let Err(error) = closed.unwrap_or_else(|_| Err(late())) {
        metrics::counter!("dering_recording_write_failures_total").increment(1);
        tracing::error!(call.id = %call_id, %error, "the pictures of a call were not recorded to their end");
    }
}
