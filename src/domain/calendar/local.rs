//! Local dates and times as instants, and back. Total: every local time of every zone has an answer.
//!
//! A local time that a clock change skips (a gap) is the first instant after the gap; one that happens twice (a fold) is the first of
//! the two, unless the caller asks for an instant not before a given one. Invariant: `day_end(zone, d) == day_start(zone, d + 1)`,
//! so that days neither overlap nor leave a hole, even where a zone skipped a whole day (Apia, 30 December 2011).

use chrono::{DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// No zone was ever further than this from UTC, and no gap is longer.
const FARTHEST: TimeDelta = TimeDelta::hours(50);

/// The wall clock of `zone` at `instant`.
pub fn local(zone: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    instant.with_timezone(&zone).naive_local()
}

/// The date in `zone` at `instant`.
pub fn date(zone: Tz, instant: DateTime<Utc>) -> NaiveDate {
    local(zone, instant).date()
}

/// The first instant at which the clocks of `zone` show `date` at `time`, or, in a gap, the first instant after it.
pub fn instant(zone: Tz, date: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
    instant_from(zone, date, time, DateTime::<Utc>::MIN_UTC)
}

/// Like [`instant`], but of the two instants of a fold the first that is not before `earliest`.
pub fn instant_from(zone: Tz, date: NaiveDate, time: NaiveTime, earliest: DateTime<Utc>) -> DateTime<Utc> {
    let wanted = reasonable(date).and_time(time);
    match zone.from_local_datetime(&wanted) {
        MappedLocalTime::Single(only) => only.to_utc(),
        MappedLocalTime::Ambiguous(first, second) if first < earliest => second.to_utc(),
        MappedLocalTime::Ambiguous(first, _) => first.to_utc(),
        MappedLocalTime::None => after_gap(zone, wanted),
    }
}

/// The first instant of `date` in `zone`: midnight, or what comes instead of it.
pub fn day_start(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    instant(zone, date, NaiveTime::MIN)
}

/// The first instant after `date` in `zone`.
pub fn day_end(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    day_start(zone, plus_days(date, 1))
}

/// `date` moved by `days`, forward or back; at the ends of the calendar it stays.
pub fn plus_days(date: NaiveDate, days: i32) -> NaiveDate {
    let distance = Days::new(u64::from(days.unsigned_abs()));
    let moved = if days < 0 { date.checked_sub_days(distance) } else { date.checked_add_days(distance) };
    moved.unwrap_or(date)
}

/// Halves the interval around the gap until the second is found at which local time jumps over `wanted`. At its lower end local time is
/// before `wanted`, at its upper end not, and no instant in between shows `wanted`: the crossing is the gap.
fn after_gap(zone: Tz, wanted: NaiveDateTime) -> DateTime<Utc> {
    let (mut before, mut after) = (wanted.and_utc() - FARTHEST, wanted.and_utc() + FARTHEST);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if local(zone, middle) < wanted {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

/// Years that a due date can have; outside them offsets would overflow.
fn reasonable(date: NaiveDate) -> NaiveDate {
    match date.year() {
        ..1 => NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or(date),
        10_000.. => NaiveDate::from_ymd_opt(9_999, 12, 31).unwrap_or(date),
        _ => date,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(zone: &str, date: &str, time: &str) -> String {
        instant(zone.parse().unwrap(), date.parse().unwrap(), time.parse().unwrap()).to_rfc3339()
    }

    #[test]
    fn a_gap_moves_to_its_end() {
        assert_eq!(on("Europe/Paris", "2026-03-29", "02:30:00"), "2026-03-29T01:00:00+00:00");
        assert_eq!(on("Africa/Cairo", "2026-04-24", "00:00:00"), "2026-04-23T22:00:00+00:00", "Cairo's clocks go from 23:59 to 01:00");
        assert_eq!(on("Pacific/Apia", "2011-12-30", "12:00:00"), "2011-12-30T10:00:00+00:00", "a day that never was");
    }

    #[test]
    fn a_fold_is_its_first_time_unless_that_is_over() {
        assert_eq!(on("Europe/Paris", "2026-10-25", "02:30:00"), "2026-10-25T00:30:00+00:00");
        let (zone, date, time) = ("Europe/Paris".parse().unwrap(), "2026-10-25".parse().unwrap(), "02:30:00".parse().unwrap());
        let second = instant_from(zone, date, time, "2026-10-25T00:31:00Z".parse().unwrap());
        assert_eq!(second.to_rfc3339(), "2026-10-25T01:30:00+00:00");
    }

    #[test]
    fn apia_has_no_thirtieth() {
        let apia = "Pacific/Apia".parse().unwrap();
        let day = "2011-12-30".parse().unwrap();
        assert_eq!(day_start(apia, day), day_end(apia, day));
        assert_eq!(date(apia, day_start(apia, day)).to_string(), "2011-12-31");
    }

    #[test]
    fn the_ends_of_time_have_answers() {
        let zone = "Asia/Tokyo".parse().unwrap();
        assert!(day_start(zone, NaiveDate::MIN) < day_start(zone, NaiveDate::MAX));
        assert_eq!(plus_days(NaiveDate::MAX, 1), NaiveDate::MAX);
    }

    proptest::proptest! {
        #[test]
        fn days_follow_each_other_in_every_zone(zone in 0..chrono_tz::TZ_VARIANTS.len(), day in 0..36_500i32) {
            let zone = chrono_tz::TZ_VARIANTS[zone];
            let day = plus_days("1970-01-01".parse().unwrap(), day);
            let start = day_start(zone, day);
            proptest::prop_assert!(start <= day_end(zone, day));
            proptest::prop_assert!(date(zone, start) >= day);
            proptest::prop_assert!(date(zone, start - TimeDelta::seconds(1)) <= day);
        }
    }
}
