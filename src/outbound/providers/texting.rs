//! What the providers of text messages have in common: how they write numbers and times, how they are asked, and what an answer by text means to us.
//!
//! Invariant: of what people answer, only a STOP becomes a report; the rest stays with the raw receipt.

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::{
    domain::{contact::Phone, delivery::DeliveryStatus, ids::Mode, opt_out::is_stop_word},
    outbound::{
        About, Found, Probe, Report, Unreadable, excerpt,
        net::{Answer, Failure, Method, Net},
    },
};

/// A text that somebody sent us.
pub(super) struct Reply<'a> {
    /// The number that it came from, with or without its plus sign.
    pub from: &'a str,
    /// What it says.
    pub text: &'a str,
    /// The provider's name for it.
    pub id: &'a str,
    /// When it was sent.
    pub at: Option<DateTime<Utc>>,
}

impl Reply<'_> {
    /// The report that whoever has this number wants no more, if that is what the text says.
    ///
    /// # Errors
    /// A STOP that comes from no telephone number.
    pub(super) fn stop(&self) -> Result<Vec<Report>, Unreadable> {
        if is_stop_word(self.text) { Ok(vec![self.opted_out()?]) } else { Ok(Vec::new()) }
    }

    /// The same report, for a provider that itself says that the text is a STOP.
    ///
    /// # Errors
    /// It comes from no telephone number.
    pub(super) fn opted_out(&self) -> Result<Report, Unreadable> {
        Ok(Report {
            about: About::Number(phone(self.from)?),
            status: DeliveryStatus::Unsubscribed,
            at: self.at,
            dedupe: excerpt(&format!("{}:received", self.id)),
            raw_name: "received".to_owned(),
            detail: None,
        })
    }
}

fn phone(text: &str) -> Result<Phone, Unreadable> {
    format!("+{}", digits(text.trim())).parse().map_err(|why: String| Unreadable(excerpt(&format!("the sender: {why}"))))
}

/// A number without its plus sign, as most providers want it.
pub(super) fn digits(number: &str) -> &str {
    number.strip_prefix('+').unwrap_or(number)
}

/// A time with its offset, in any of the usual spellings.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let read = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f %z"));
    read.ok().map(|at| at.to_utc())
}

/// The same, of a provider that leaves the offset out when it means UTC.
pub(super) fn moment_in_utc(text: &str) -> Option<DateTime<Utc>> {
    moment(text).or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok().map(|at| at.and_utc()))
}

/// Asks by GET, with the credentials that `authorised` adds.
///
/// # Errors
/// No answer.
pub(super) async fn ask(
    net: &Net,
    url: &str,
    authorised: impl FnOnce(RequestBuilder) -> RequestBuilder,
    now: DateTime<Utc>,
) -> Result<Answer, Failure> {
    let request = net.request(Method::GET, Mode::Live, url).map_err(|why| Failure::NotSent(why.to_string()))?;
    net.call(authorised(request), now).await
}

/// What the answer to a question about the account shows; `detail` picks what is worth telling.
pub(super) fn probed(answer: Result<Answer, Failure>, detail: impl FnOnce(&Value) -> Option<String>) -> Probe {
    match answer {
        Ok(answer) if answer.status == 200 => Probe::Fine { detail: answer.json().as_ref().and_then(detail).as_deref().map(excerpt) },
        Ok(answer) if matches!(answer.status, 400..=499) && !matches!(answer.status, 408 | 429) => Probe::Refused(answer.summary()),
        Ok(answer) => Probe::Unreachable(answer.summary()),
        Err(Failure::NotSent(why) | Failure::Lost(why)) => Probe::Unreachable(why),
    }
}

/// What the answer to a question about a message shows. `read` gives the provider's name for it, and what it knows.
pub(super) fn found(answer: Result<Answer, Failure>, read: impl FnOnce(&Value) -> Option<(String, Vec<Report>)>) -> Found {
    match answer {
        Ok(answer) if answer.status == 200 => match answer.json().as_ref().and_then(read) {
            Some((id, reports)) => Found::Taken { provider_id: Some(excerpt(&id)), reports },
            None => Found::Failed(answer.summary()),
        },
        Ok(answer) if answer.status == 404 => Found::Absent,
        Ok(answer) => Found::Failed(answer.summary()),
        Err(Failure::NotSent(why) | Failure::Lost(why)) => Found::Failed(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stop_is_reported_and_about_the_number_that_sent_it() {
        let reply = |from, text| Reply { from, text, id: "in-1", at: None }.stop();
        for from in ["+33612345678", "33612345678", " 33612345678"] {
            let reports = reply(from, "Arrêt !").unwrap();
            assert_eq!(
                (&reports[0].about, reports[0].status),
                (&About::Number("+33612345678".parse().unwrap()), DeliveryStatus::Unsubscribed)
            );
            assert_eq!((reports.len(), reports[0].dedupe.as_str()), (1, "in-1:received"));
        }
        assert_eq!(reply("33612345678", "Je paie demain"), Ok(vec![]));
        assert_eq!(reply("INFO", "Bonjour"), Ok(vec![]), "what is no STOP need not come from a number");
        assert!(reply("INFO", "STOP").is_err());
    }

    #[test]
    fn times_are_read_in_the_spellings_in_use() {
        for text in ["2026-11-21T10:00:00Z", "2026-11-21T11:00:00.000+01:00", "2026-11-21 10:00:00 +0000", "2026-11-21 10:00:00+00:00"] {
            assert_eq!(moment(text).unwrap().timestamp(), 1_795_255_200, "{text}");
            assert_eq!(moment_in_utc(text), moment(text));
        }
        for text in ["2026-11-21 10:00:00", "2026-11-21 10:00:00.238"] {
            assert_eq!((moment(text), moment_in_utc(text).unwrap().timestamp()), (None, 1_795_255_200), "{text}");
        }
        assert_eq!((moment(""), moment_in_utc("yesterday")), (None, None));
    }
}
