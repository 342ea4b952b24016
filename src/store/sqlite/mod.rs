//! SQLite: all SQL of the store, its one writer, its migrations. Nothing outside of this folder knows of SQLite.

mod audit;
mod batch;
mod calls;
mod campaigns;
mod cdr;
mod clients;
mod columns;
mod contact_search;
mod contacts;
mod dialout;
mod do_not_call;
mod engine;
mod error;
mod figures;
mod flow_versions;
mod headers;
mod leases;
mod link_keys;
mod lists;
mod numbers;
mod open;
mod openid;
mod people;
mod proof;
mod query;
mod retention;
mod schema;
mod sealing;
mod second_factor;
mod tokens;
mod upkeep;
mod webhooks;
mod writer;

pub(super) use engine::Engine;
pub(super) use open::{give_up_secrets, open, open_read_only};
pub(super) use upkeep::{adopt, backup, copy_mark, examine};
