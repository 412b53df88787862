//! Values read off the elements of a file, with every fault noted at the element's place.
//!
//! A place is the path of names from the root: `/Invoice/IssueDate`. Invariant: a value that comes back is clean and within its bounds.

use chrono::NaiveDate;

use super::{amount, text, xml::Element};
use crate::domain::{invalid::Faults, money::Currency};

/// The longest identifier or name.
const MAX_NAME: usize = 500;
/// The longest free text.
const MAX_NOTE: usize = 10_000;
/// How many faults are told: whoever has a hundred knows enough.
const MAX_FAULTS: usize = 100;

/// Reads, and remembers what was wrong.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) faults: Faults,
}

impl Fields {
    /// Notes a fault, unless there are enough.
    pub(super) fn wrong(&mut self, place: &str, code: &'static str, detail: impl Into<String>) {
        if self.faults.0.len() < MAX_FAULTS {
            self.faults.add(place, code, detail);
        }
    }

    /// The first of `paths` that has a text, as one line.
    pub(super) fn text(&mut self, under: Option<Element<'_>>, paths: &[&str]) -> Option<String> {
        self.bounded(under, paths, MAX_NAME, text::line)
    }

    /// The same, with its line breaks and room for prose.
    pub(super) fn note(&mut self, under: Option<Element<'_>>, paths: &[&str]) -> Option<String> {
        self.bounded(under, paths, MAX_NOTE, text::lines)
    }

    /// The element's own text, as one line.
    pub(super) fn own_text(&mut self, element: Element<'_>) -> Option<String> {
        self.clean(element.text()?, MAX_NAME, text::line, || element.name().to_owned())
    }

    fn bounded(&mut self, under: Option<Element<'_>>, paths: &[&str], most: usize, clean: fn(&str) -> String) -> Option<String> {
        let under = under?;
        let (path, raw) = paths.iter().find_map(|path| Some((path, under.text_at(path)?)))?;
        self.clean(raw, most, clean, || format!("{}/{path}", under.name()))
    }

    fn clean(&mut self, raw: &str, most: usize, clean: fn(&str) -> String, place: impl FnOnce() -> String) -> Option<String> {
        // Counted in bytes first: no text costs more than it may hold. Spaces that a file is indented with do not count.
        let text = if raw.len() <= most.saturating_mul(16) { clean(raw) } else { raw.to_owned() };
        if text.chars().count() > most {
            self.wrong(&format!("…/{}", place()), "too_long", format!("at most {most} characters"));
            return None;
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, under: Element<'_>, place: &str, path: &str, example: &str) -> Option<String> {
        let before = self.faults.0.len();
        let found = self.text(Some(under), &[path]);
        if found.is_none() && self.faults.0.len() == before {
            self.wrong(&format!("{place}/{path}"), "required", format!("missing or empty; write it, such as {example}"));
        }
        found
    }

    /// A date as XML Schema writes it, if the element is there.
    pub(super) fn date(&mut self, under: Option<Element<'_>>, place: &str, path: &str) -> Option<NaiveDate> {
        let raw = under?.text_at(path)?;
        let date = xml_date(raw);
        if date.is_none() {
            self.wrong(
                &format!("{place}/{path}"),
                "wrong_format",
                format!("{:?} is no date; write a day of the calendar, such as 2026-03-31", short(raw)),
            );
        }
        date
    }

    /// An amount in `currency`, if the element is there. Its own currency, where it names one, must be the same.
    pub(super) fn amount(&mut self, under: Option<Element<'_>>, place: &str, path: &str, currency: Currency) -> Option<i64> {
        let element = under?.at(path)?;
        let (raw, place) = (element.text().unwrap_or_default(), format!("{place}/{path}"));
        for name in ["currencyID", "Ccy"] {
            if let Some(own) = element.attribute(name).filter(|own| *own != currency.as_str()) {
                self.wrong(&place, "contradiction", format!("{name} is {:?}, where all amounts are in {currency}", short(own)));
                return None;
            }
        }
        amount::decimal(raw, currency).map_err(|problem| self.wrong(&place, "wrong_format", format!("{:?}: {problem}", short(raw)))).ok()
    }

    /// A currency, of the text at `place`.
    pub(super) fn currency(&mut self, place: &str, raw: &str) -> Option<Currency> {
        raw.parse()
            .map_err(|_| {
                self.wrong(place, "wrong_format", format!("{:?} is no active ISO 4217 code; write three capitals, such as EUR", short(raw)))
            })
            .ok()
    }
}

/// As much of a foreign value as a message may repeat.
pub(super) fn short(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).take(60).collect()
}

/// The day of an `xs:date` or an `xs:dateTime`, with or without a zone: as it is written, which is the day in the writer's own zone.
pub(super) fn xml_date(text: &str) -> Option<NaiveDate> {
    let (day, rest) = text.split_at_checked(10)?;
    let zone = |rest: &str| rest.is_empty() || rest == "Z" || (rest.len() == 6 && rest.starts_with(['+', '-']));
    let date = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    (rest.starts_with('T') || zone(rest)).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_of_the_calendar() {
        let day = |text: &str| xml_date(text).map(|date| date.to_string());
        for text in ["2028-02-29", "2028-02-29Z", "2028-02-29+02:00", "2028-02-29T23:59:59.123+02:00"] {
            assert_eq!(day(text).as_deref(), Some("2028-02-29"), "{text}");
        }
        for text in ["2026-02-30", "2026-02-29", "26-02-01", "2026-2-1", "20260201", "2026-02-01x", "", "2026-02-0é"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
