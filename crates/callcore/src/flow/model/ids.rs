//! What a scene is known by inside its flow.

/// A scene's place in [`Flow::scenes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SceneId(pub usize);
