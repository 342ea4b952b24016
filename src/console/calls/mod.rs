//! The pages of calls: the list and one call.

pub(super) mod changes;
mod export;
mod ladder;
mod list;
pub(super) mod one;
mod sentence;
mod timeline;
mod wave;

pub(super) use self::export::csv;
pub(super) use self::list::{Line, listed, page};
