//! Call detail records: kept in memory, listed with the filters and pages of the service.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use callcore::call::{Disposition, HangupBy};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::cdr_wire::{CdrField, CdrFilter, CdrMeta, CdrQuery};
use crate::wallclock;

/// Records kept; the oldest are forgotten.
const MAX_RECORDS: usize = 20_000;

/// The record of a call, as the `cdr` event has it. Times are ISO 8601 UTC with milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cdr {
    pub session_id: String,
    pub destination: String,
    /// The caller id, which may be unknown. Versions before 1.0.5 have no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Option<String>>,
    pub start_time: String,
    pub answer_time: Option<String>,
    pub end_time: String,
    /// Whole seconds from start to end.
    pub duration: u64,
    /// Whole seconds from answer to end.
    pub billable_seconds: u64,
    pub disposition: Disposition,
    pub hangup_by: Option<HangupBy>,
    pub hangup_cause_code: u16,
    pub hangup_cause_text: &'static str,
}

/// A finished call of one account, as REST shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    #[serde(flatten)]
    pub cdr: Arc<Cdr>,
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
        self.0.lock()
    }

    /// Keeps the record of a call that has just ended.
    pub fn add(&self, account: usize, cdr: Arc<Cdr>) {
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
    pub fn list(&self, account: usize, query: &CdrQuery) -> Page {
        let records = self.locked();
        let mut matching: Vec<(usize, &Record)> = records
            .iter()
            .enumerate()
            .filter(|(_, r)| r.account == account && query.filters.iter().all(|f| matches(f, &r.cdr)))
            .collect();
        matching.sort_by(|a, b| {
            let by = |(field, descending): &(CdrField, bool)| {
                let order = compare(*field, (a.0, &a.1.cdr), (b.0, &b.1.cdr));
                if *descending { order.reverse() } else { order }
            };
            query.order().iter().map(by).find(|order| order.is_ne()).unwrap_or(b.0.cmp(&a.0))
        });
        let total = matching.len() as u64;
        let skip = usize::try_from(query.offset()).unwrap_or(usize::MAX);
        let page = matching.into_iter().skip(skip).take(query.limit.max(1) as usize);
        Page { data: page.map(|(_, record)| record.clone()).collect(), meta: CdrMeta::new(query, total) }
    }
}

fn matches(filter: &CdrFilter, cdr: &Cdr) -> bool {
    let seconds = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    match filter {
        CdrFilter::DestinationIs(number) => cdr.destination == *number,
        CdrFilter::DestinationContains(part) => cdr.destination.contains(part.as_str()),
        CdrFilter::Duration(comparison, value) => comparison.holds(seconds(cdr.duration), *value),
        CdrFilter::BillableSeconds(comparison, value) => {
            comparison.holds(seconds(cdr.billable_seconds), *value)
        }
        CdrFilter::DispositionIn(dispositions) => dispositions.contains(&cdr.disposition),
    }
}

fn compare(field: CdrField, a: (usize, &Cdr), b: (usize, &Cdr)) -> Ordering {
    match field {
        CdrField::Id => a.0.cmp(&b.0),
        CdrField::StartTime => a.1.start_time.cmp(&b.1.start_time),
        CdrField::EndTime => a.1.end_time.cmp(&b.1.end_time),
        CdrField::Duration => a.1.duration.cmp(&b.1.duration),
        CdrField::BillableSeconds => a.1.billable_seconds.cmp(&b.1.billable_seconds),
        CdrField::Destination => a.1.destination.cmp(&b.1.destination),
        CdrField::Disposition => a.1.disposition.as_str().cmp(b.1.disposition.as_str()),
    }
}

/// One page of records, in the shape of the service.
#[derive(Debug, Serialize)]
pub struct Page {
    pub data: Vec<Record>,
    pub meta: CdrMeta,
}
