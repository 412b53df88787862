//! A test partition's clock: whether it rests, and how far it can be told to go.

use chrono::{DateTime, Months, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invalid::Faults;

/// The furthest that one advance goes: two years.
const FURTHEST: Months = Months::new(24);

crate::words! {
    /// Whether a test clock rests.
    pub enum ClockStatus {
        /// It rests, and everything due by its present is done.
        Ready = "ready",
        /// It is on its way to `target`.
        Advancing = "advancing",
    }
}

/// Where a test clock is to go.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "2027-01-15T09:00:00Z"}))]
pub struct Advance {
    /// The moment at which it stops: later than its present, and at most two years later.
    pub to: DateTime<Utc>,
}

impl Advance {
    /// The rules that no schema can say.
    pub fn check(self, now: DateTime<Utc>) -> Faults {
        if self.to <= now {
            return Faults::one("/to", "in_the_past", format!("the clock stands at {}; it only goes forward", now.to_rfc3339()));
        }
        match now.checked_add_months(FURTHEST) {
            Some(furthest) if self.to <= furthest => Faults::none(),
            _ => Faults::one("/to", "out_of_range", "at most two years at once; go there in steps"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_and_at_most_two_years() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-03-02T11:00:00Z");
        let code = |to: &str| Advance { to: at(to) }.check(now).0.first().map(|fault| fault.code);
        assert_eq!(code("2026-03-02T11:00:00.000001Z"), None);
        assert_eq!(code("2028-03-02T11:00:00Z"), None);
        assert_eq!(code("2028-03-02T11:00:01Z"), Some("out_of_range"));
        assert_eq!(code("2026-03-02T11:00:00Z"), Some("in_the_past"));
        assert_eq!(code("2020-03-02T11:00:00Z"), Some("in_the_past"));
    }
}
