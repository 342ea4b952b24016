//! Call detail records: kept in memory, listed with the filters and pages of the service.

mod query;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use callcore::call::CarrierCdr;
use serde::Serialize;

pub use self::query::{Direction, Query, QueryError};
use crate::wallclock;

/// Records kept; the oldest are forgotten.
const MAX_RECORDS: usize = 20_000;

/// A finished call of one account.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    #[serde(flatten)]
    pub cdr: CarrierCdr,
    pub created_at: String,
    pub updated_at: String,
    #[serde(skip)]
    pub account: usize,
}

/// All records, oldest first.
#[derive(Debug, Default)]
pub struct Records(Mutex<VecDeque<Record>>);

impl Records {
    fn locked(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the record of a call that has just ended.
    pub fn add(&self, account: usize, cdr: CarrierCdr) {
        let now = wallclock::iso(wallclock::now_ms());
        let mut records = self.locked();
        if records.len() == MAX_RECORDS {
            records.pop_front();
        }
        records.push_back(Record { cdr, created_at: now.clone(), updated_at: now, account });
    }

    /// The record of one call, if it belongs to the account.
    #[must_use]
    pub fn find(&self, account: usize, session_id: &str) -> Option<Record> {
        let records = self.locked();
        records.iter().rev().find(|r| r.account == account && r.cdr.session_id == session_id).cloned()
    }

    /// One page of the account's records, newest first unless sorted otherwise.
    #[must_use]
    pub fn list(&self, account: usize, query: &Query) -> Page {
        let records = self.locked();
        let mut matching: Vec<&Record> = records
            .iter()
            .rev()
            .filter(|r| r.account == account && query.filters.iter().all(|f| f.matches(&r.cdr)))
            .collect();
        if let Some((field, direction)) = query.sort {
            matching.sort_by_key(|record| field.key(&record.cdr));
            if direction == Direction::Descending {
                matching.reverse();
            }
        }
        let total = matching.len();
        let data = matching
            .into_iter()
            .skip((query.page - 1).saturating_mul(query.limit))
            .take(query.limit)
            .cloned()
            .collect();
        Page {
            data,
            meta: Meta {
                items_per_page: query.limit,
                total_items: total,
                current_page: query.page,
                total_pages: total.div_ceil(query.limit),
                sort_by: [match query.sort {
                    None => ("id", Direction::Descending),
                    Some((field, direction)) => (field.name(), direction),
                }],
            },
        }
    }
}

/// One page of records, in the shape of the service.
#[derive(Debug, Serialize)]
pub struct Page {
    pub data: Vec<Record>,
    pub meta: Meta,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    pub items_per_page: usize,
    pub total_items: usize,
    pub current_page: usize,
    pub total_pages: usize,
    /// `[field, direction]` pairs.
    pub sort_by: [(&'static str, Direction); 1],
}
