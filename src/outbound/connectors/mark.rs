//! How far a system has been asked: first for everything that is open, then for what changed since the last pass began.
//!
//! Not here: the questions. Invariant: whoever goes on from a mark misses nothing that changed after the pass before it began. What lies in the overlap
//! of two passes is told twice, under one key.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Changes, Told};

/// How far two passes overlap: clocks differ, and a change may be seen later than it is dated.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);

/// After this a pass that was left in its middle begins anew: the system may have forgotten the page.
const FORGOTTEN: TimeDelta = TimeDelta::hours(12);

/// Where a pass over a system's things has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What changed from here on is asked for; without it, everything that is open.
    pub since: Option<DateTime<Utc>>,
    /// The list that is being read, by its place among the system's lists.
    pub part: usize,
    /// The page of it that comes next, in the system's own word; without it, the first.
    pub page: Option<String>,
    began: DateTime<Utc>,
}

impl Mark {
    /// The mark that `cursor` is, or the beginning of the next pass.
    pub fn at(cursor: Option<&str>, now: DateTime<Utc>) -> Self {
        match cursor.and_then(|text| serde_json::from_str::<Self>(text).ok()) {
            Some(mark) if mark.is_under_way() && now - mark.began < FORGOTTEN => mark,
            known => Self { since: known.and_then(|mark| mark.since), part: 0, page: None, began: now },
        }
    }

    /// Whether the last pass is over and began less than `pause` ago: nobody need be asked again yet.
    pub fn rests(cursor: Option<&str>, now: DateTime<Utc>, pause: TimeDelta) -> Option<Changes> {
        let mark = serde_json::from_str::<Self>(cursor?).ok()?;
        let resting = !mark.is_under_way() && mark.since.is_some() && now - mark.began < pause;
        resting.then(|| mark.found(Vec::new()))
    }

    /// Whether this is the first pass, which passes over what is settled.
    pub const fn is_first(&self) -> bool {
        self.since.is_none()
    }

    const fn is_under_way(&self) -> bool {
        self.part > 0 || self.page.is_some()
    }

    /// What a page told. `next` is the page after it; behind the last page comes the next of the system's `parts`, behind the last of them the end.
    pub fn after(self, told: Vec<Told>, next: Option<String>, parts: usize) -> Changes {
        let part = if next.is_some() { self.part } else { self.part.saturating_add(1) };
        if part < parts {
            Self { part, page: next, ..self }.found(told)
        } else {
            Self { since: Some(self.began - OVERLAP), part: 0, page: None, ..self }.found(told)
        }
    }

    fn found(self, told: Vec<Told>) -> Changes {
        let more = self.is_under_way();
        // A struct of texts and dates is always JSON.
        let cursor = serde_json::to_string(&self).unwrap_or_default();
        Changes::Found { told, cursor, more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn cursor(changes: Changes) -> (String, bool) {
        match changes {
            Changes::Found { cursor, more, .. } => (cursor, more),
            Changes::Ask(_) => panic!("nothing is asked"),
        }
    }

    #[test]
    fn a_pass_goes_through_all_pages_of_all_parts_and_the_next_one_begins_where_it_began() {
        let first = Mark::at(None, minutes(100));
        assert_eq!((first.is_first(), first.part, first.page.clone()), (true, 0, None));
        let (at, more) = cursor(first.after(Vec::new(), Some("2".to_owned()), 2));
        assert!(more);
        let second = Mark::at(Some(&at), minutes(101));
        assert_eq!((second.is_first(), second.part, second.page.as_deref()), (true, 0, Some("2")));
        let (at, more) = cursor(second.after(Vec::new(), None, 2));
        assert!(more);
        let third = Mark::at(Some(&at), minutes(102));
        assert_eq!((third.part, third.page.clone()), (1, None));
        let (at, more) = cursor(third.after(Vec::new(), None, 2));
        assert!(!more);
        let next = Mark::at(Some(&at), minutes(200));
        assert_eq!((next.since, next.part, next.page), (Some(minutes(95)), 0, None));
    }

    #[test]
    fn a_pass_left_in_its_middle_begins_anew() {
        let mark = Mark { since: Some(minutes(1)), part: 1, page: Some("x".to_owned()), began: minutes(10) };
        let (at, _) = cursor(mark.found(Vec::new()));
        let later = Mark::at(Some(&at), minutes(10) + FORGOTTEN);
        assert_eq!((later.since, later.part, later.page), (Some(minutes(1)), 0, None));
        assert!(Mark::at(Some("nonsense"), minutes(0)).is_first());
    }

    #[test]
    fn a_system_that_tells_by_itself_is_left_alone_between_two_passes() {
        let (at, _) = cursor(Mark::at(None, minutes(0)).after(Vec::new(), None, 1));
        let pause = TimeDelta::hours(6);
        assert_eq!(Mark::rests(Some(&at), minutes(359), pause).map(cursor), Some((at.clone(), false)));
        assert_eq!(Mark::rests(Some(&at), minutes(360), pause), None);
        assert_eq!(Mark::rests(None, minutes(0), pause), None);
    }
}
