//! Campaigns: how far each is and what is in the way, the editor, what a launch would do, who was called and why not.

mod chart;
mod compare;
mod contacts;
mod draft;
mod edit;
mod lines;
mod list;
mod one;
mod report;
pub(super) mod said;

pub(super) use compare::page as compare;
pub(super) use contacts::{exclude, page as contacts, state_key as place_key, why};
pub(super) use edit::{LARGEST_FORM, change, create, edit_page, new_page};
pub(super) use list::{Line, page, under_way};
pub(super) use one::{act, page as one};
pub(super) use report::{file as report_file, page as report};
