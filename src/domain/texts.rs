//! Text messages with care: to which countries, how many a day, how many to one number, under which name.
//!
//! Not here: who is due one, and the words. Invariant: what [`Day::take`] grants never adds up to more than the day's budget, nor to
//! more messages for a number than it may get.

mod sender;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    contact::Phone,
    dunning::account::Bar,
    invalid::Faults,
    locale::{Country, Jurisdiction},
};

pub use sender::sender_faults;

/// How a creditor sends text messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"countries": ["FR", "BE"], "daily_budget": 2000, "per_number_per_day": 2}))]
pub struct TextSettings {
    /// Countries to whose numbers text messages are sent; absent: the tenant's own alone. A number elsewhere is as one that cannot be reached by text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50)]
    pub countries: Option<Vec<Country>>,
    /// Segments a day at most, in the tenant's zone; what is left over waits for the next day.
    #[schema(minimum = 1, maximum = 1_000_000, default = 1_000)]
    pub daily_budget: u32,
    /// Messages a day to one number at most, whoever's account they are about.
    #[schema(minimum = 1, maximum = 20, default = 3)]
    pub per_number_per_day: u16,
    /// Countries with a register of sender names where the tenant has entered its own.
    #[schema(max_items = 50)]
    pub sender_registered_in: Vec<Country>,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self { countries: None, daily_budget: 1_000, per_number_per_day: 3, sender_registered_in: Vec::new() }
    }
}

impl TextSettings {
    /// The countries that are written to, for a creditor at home in `home`.
    pub fn countries(&self, home: &Jurisdiction) -> Vec<Country> {
        self.countries.clone().unwrap_or_else(|| home.home().into_iter().collect())
    }

    /// Why no text message goes to a number, if none does.
    pub fn bars(&self, phone: &Phone, home: &Jurisdiction) -> Option<Bar> {
        let here = |country| match &self.countries {
            Some(listed) => listed.contains(&country),
            None => home.home() == Some(country),
        };
        match phone.country() {
            _ if !phone.takes_texts() => Some(Bar::TextLine),
            Some(country) if here(country) => None,
            _ => Some(Bar::TextCountry),
        }
    }

    /// The rules that no schema can say, about the sender's name with them.
    pub fn check(&self, sender: Option<&str>, home: &Jurisdiction) -> Faults {
        let mut faults = Faults::none();
        if self.countries.as_ref().is_some_and(Vec::is_empty) {
            faults.add("/texts/countries", "empty", "name at least one country, or leave the list out for the tenant's own");
        }
        if let Some(sender) = sender {
            faults.nest("/letterhead/sms_sender", sender_faults(sender, &self.countries(home), &self.sender_registered_in));
        }
        faults
    }
}

crate::words! {
    /// What a text message waits for the next day because of.
    pub enum TextLimit {
        /// The day's segments are spent.
        DailyBudget = "text_budget",
        /// The number has had its messages of the day.
        PerNumber = "text_number_cap",
    }
}

/// What a day's text messages have come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// Segments of all of them.
    pub segments: i64,
    /// Messages, by number.
    pub numbers: HashMap<String, i32>,
}

impl Day {
    /// Counts a message of so many segments to `address`. One that was counted earlier this day, and did not leave, is paid for already: `counted` of its segments are.
    ///
    /// # Errors
    /// What it must wait for; nothing is counted then.
    pub fn take(&mut self, settings: &TextSettings, address: &str, segments: i64, counted: Option<i64>) -> Result<(), TextLimit> {
        let more = segments.saturating_sub(counted.unwrap_or(0)).max(0);
        let spent = self.segments.saturating_add(more);
        if spent > i64::from(settings.daily_budget) {
            return Err(TextLimit::DailyBudget);
        }
        if counted.is_none() {
            let sent = self.numbers.entry(address.to_owned()).or_default();
            if *sent >= i32::from(settings.per_number_per_day) {
                return Err(TextLimit::PerNumber);
            }
            *sent = sent.saturating_add(1);
        }
        self.segments = spent;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_written_to_where_the_creditor_wants_and_texts_arrive() {
        let home: Jurisdiction = "FR".parse().unwrap();
        let bars = |settings: &TextSettings, number: &str| settings.bars(&number.parse().unwrap(), &home);
        let own = TextSettings::default();
        assert_eq!(bars(&own, "+33612345678"), None);
        assert_eq!(bars(&own, "+32470123456"), Some(Bar::TextCountry));
        assert_eq!(bars(&own, "+262692123456"), Some(Bar::TextCountry));
        assert_eq!(bars(&own, "+881612345678"), Some(Bar::TextCountry));
        assert_eq!(bars(&own, "+33145678901"), Some(Bar::TextLine));
        let wide = TextSettings { countries: Some(vec!["BE".parse().unwrap()]), ..own };
        assert_eq!((bars(&wide, "+32470123456"), bars(&wide, "+33612345678")), (None, Some(Bar::TextCountry)));
        assert!(!TextSettings { countries: Some(vec![]), ..wide }.check(None, &home).0.is_empty());
    }

    #[test]
    fn what_is_counted_is_not_counted_twice() {
        let settings = TextSettings { daily_budget: 5, per_number_per_day: 1, ..TextSettings::default() };
        let mut day = Day::default();
        assert_eq!(day.take(&settings, "a", 3, None), Ok(()));
        assert_eq!(day.take(&settings, "a", 3, Some(3)), Ok(()));
        assert_eq!(day.take(&settings, "a", 1, None), Err(TextLimit::PerNumber));
        assert_eq!(day.take(&settings, "b", 3, None), Err(TextLimit::DailyBudget));
        assert_eq!(day.take(&settings, "b", 2, None), Ok(()));
        assert_eq!((day.segments, day.numbers["a"]), (5, 1));
    }

    proptest! {
        #[test]
        fn nobody_overspends(asked in proptest::collection::vec((0..4usize, 0..9i64, proptest::option::of(0..9i64)), 0..60), budget in 1..40u32, cap in 1..4u16) {
            let settings = TextSettings { daily_budget: budget, per_number_per_day: cap, ..TextSettings::default() };
            let mut day = Day::default();
            for (number, segments, counted) in asked {
                let before = day.segments;
                let granted = day.take(&settings, ["a", "b", "c", "d"][number], segments, counted).is_ok();
                prop_assert!(day.segments <= i64::from(budget));
                prop_assert!(granted || day.segments == before);
                prop_assert!(day.numbers.values().all(|sent| *sent <= i32::from(cap)));
            }
        }
    }
}
