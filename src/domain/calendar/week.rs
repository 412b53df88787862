//! Sets of weekdays and the hours of a day in which people may be contacted.
//!
//! Invariant: a set of weekdays has one JSON form, an array from Monday on without repetition.

use chrono::{NaiveTime, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

crate::words! {
    /// A day of the week.
    pub enum Day {
        /// Monday.
        Monday = "mon",
        /// Tuesday.
        Tuesday = "tue",
        /// Wednesday.
        Wednesday = "wed",
        /// Thursday.
        Thursday = "thu",
        /// Friday.
        Friday = "fri",
        /// Saturday.
        Saturday = "sat",
        /// Sunday.
        Sunday = "sun",
    }
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Mon,
            Self::Tuesday => Weekday::Tue,
            Self::Wednesday => Weekday::Wed,
            Self::Thursday => Weekday::Thu,
            Self::Friday => Weekday::Fri,
            Self::Saturday => Weekday::Sat,
            Self::Sunday => Weekday::Sun,
        }
    }
}

/// A set of weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Monday to Friday.
    pub const MONDAY_TO_FRIDAY: Self = Self(0b001_1111);
    /// Monday to Saturday.
    pub const MONDAY_TO_SATURDAY: Self = Self(0b011_1111);
    /// All seven.
    pub const ALL: Self = Self(0b111_1111);

    /// The set of these days.
    pub fn of(days: &[Day]) -> Self {
        Self(days.iter().fold(0, |set, day| set | bit(day.weekday())))
    }

    /// Whether `day` is among them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }

    /// Whether no day is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every day of `self` is in `other`.
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The days, from Monday on.
    pub fn days(self) -> impl Iterator<Item = Day> {
        Day::ALL.iter().copied().filter(move |day| self.contains(day.weekday()))
    }
}

const fn bit(day: Weekday) -> u8 {
    match day {
        Weekday::Mon => 1,
        Weekday::Tue => 2,
        Weekday::Wed => 4,
        Weekday::Thu => 8,
        Weekday::Fri => 16,
        Weekday::Sat => 32,
        Weekday::Sun => 64,
    }
}

impl Serialize for Weekdays {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.days())
    }
}
impl<'de> Deserialize<'de> for Weekdays {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Day>::deserialize(from).map(|days| Self::of(&days))
    }
}
impl utoipa::PartialSchema for Weekdays {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new()
            .items(Day::schema())
            .min_items(Some(1))
            .max_items(Some(7))
            .unique_items(true)
            .description(Some("Days of the week."))
            .examples([serde_json::json!(["mon", "tue", "wed", "thu", "fri"])])
            .into()
    }
}
impl ToSchema for Weekdays {}

/// When people may be contacted, by the clocks of the place where they live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendWindow {
    /// On which weekdays.
    pub weekdays: Weekdays,
    /// From this local time on.
    #[serde(with = "hour_minute")]
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length = 5, example = "09:00")]
    pub start: NaiveTime,
    /// Until this local time, which is already too late.
    #[serde(with = "hour_minute")]
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length = 5, example = "18:00")]
    pub end: NaiveTime,
    /// Silent on the public holidays of the debtor's jurisdiction.
    #[serde(default = "yes")]
    pub skip_holidays: bool,
}

const fn yes() -> bool {
    true
}

impl SendWindow {
    /// Monday to Friday, 09:00 to 18:00: when offices are staffed.
    pub fn office_hours() -> Self {
        Self::new(Weekdays::MONDAY_TO_FRIDAY, 9, 18)
    }

    /// Monday to Saturday, 08:00 to 20:00: the strictest hours found in consumer law (Quebec), and a decent default for text messages.
    pub fn consumer_hours() -> Self {
        Self::new(Weekdays::MONDAY_TO_SATURDAY, 8, 20)
    }

    /// Full hours on `weekdays`, silent on holidays.
    pub fn new(weekdays: Weekdays, start: u32, end: u32) -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN);
        Self { weekdays, start: hour(start), end: hour(end), skip_holidays: true }
    }

    /// Whether some moment of the week is in it.
    pub fn is_empty(&self) -> bool {
        self.weekdays.is_empty() || self.start >= self.end
    }

    /// What is in both. Silent on holidays if one of them is.
    #[must_use]
    pub fn narrowed(&self, other: &Self) -> Self {
        Self {
            weekdays: Weekdays(self.weekdays.0 & other.weekdays.0),
            start: self.start.max(other.start),
            end: self.end.min(other.end),
            skip_holidays: self.skip_holidays || other.skip_holidays,
        }
    }

    /// Whether every moment of `self` is in `other`; holidays aside.
    pub fn within(&self, other: &Self) -> bool {
        self.weekdays.within(other.weekdays) && self.start >= other.start && self.end <= other.end
    }
}

/// `09:00`.
mod hour_minute {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&time.format("%H:%M"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        NaiveTime::parse_from_str(&text, "%H:%M").map_err(|_| D::Error::custom("not a local time; write hours and minutes, such as 09:00"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_one_form() {
        let window: SendWindow = serde_json::from_str(r#"{"weekdays":["fri","mon","fri"],"start":"09:00","end":"17:30"}"#).unwrap();
        let json = serde_json::to_string(&window).unwrap();
        assert_eq!(json, r#"{"weekdays":["mon","fri"],"start":"09:00","end":"17:30","skip_holidays":true}"#);
        assert!(serde_json::from_str::<SendWindow>(r#"{"weekdays":["mon"],"start":"9h","end":"17:30"}"#).is_err());
    }

    #[test]
    fn office_hours_are_consumer_hours_too() {
        assert!(SendWindow::office_hours().within(&SendWindow::consumer_hours()));
        assert!(!SendWindow::consumer_hours().within(&SendWindow::office_hours()));
        assert!(SendWindow::new(Weekdays::of(&[]), 9, 18).is_empty() && SendWindow::new(Weekdays::ALL, 9, 9).is_empty());
    }
}
