//! How the JSON of accounting software is read: numbers as the text that they are written in, so that no amount passes through
//! a float; texts that say something; dates and moments in each house's spelling.
//!
//! Not here: what any field means. Invariant: whatever the bytes, reading ends, and what cannot be read exactly is not read.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

use super::{Access, short, text};
use crate::{
    domain::{
        contact::{Email, Phone},
        customer::Address,
        external::Pairs,
        locale::{Country, Language},
        money::Currency,
        push::{SourceCustomer, SourceInvoice, SourceKind, SourceStatus, exact_json, minor},
        tenant::AddressLine,
    },
    outbound::Unreadable,
};

/// The longest key of something told.
const MAX_KEY: usize = 200;

fn missing(pointer: &str) -> Unreadable {
    Unreadable(format!("{pointer} is missing"))
}

/// An answer's JSON, its numbers as texts.
///
/// # Errors
/// It is none.
pub(super) fn json(body: &[u8]) -> Result<Value, Unreadable> {
    exact_json(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).map_err(|_| Unreadable("not JSON".to_owned()))
}

/// An id that can stand in a path: what anybody may have written never leads anywhere else.
pub(super) fn id<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    let plain = |text: &str| text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    text(value, pointer).filter(|text| plain(text))
}

/// The id that must stand at `pointer`.
///
/// # Errors
/// None does, or it could not stand in a path.
pub(super) fn needed_id<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, Unreadable> {
    id(value, pointer).ok_or_else(|| Unreadable(format!("{pointer} is no id")))
}

/// The key of something told, of what it is about and when that changed.
pub(super) fn key(parts: &[&str]) -> String {
    parts.join("/").chars().take(MAX_KEY).collect()
}

/// Whether the truth at `pointer` is told, and is yes.
pub(super) fn yes(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The entries of the list at `pointer`.
pub(super) fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The amount at `pointer` in minor units; none where nothing is written.
///
/// # Errors
/// What stands there is no amount of this currency, to the last decimal.
pub(super) fn amount(value: &Value, pointer: &str, currency: Currency) -> Result<Option<i64>, Unreadable> {
    let Some(text) = text(value, pointer) else { return Ok(None) };
    minor(text, currency).map(Some).map_err(|why| Unreadable(format!("{pointer}: {why}")))
}

/// The amount that must stand at `pointer`.
///
/// # Errors
/// As for [`amount`], and where nothing is written.
pub(super) fn needed_amount(value: &Value, pointer: &str, currency: Currency) -> Result<i64, Unreadable> {
    amount(value, pointer, currency)?.ok_or_else(|| missing(pointer))
}

/// The currency at `pointer`, else the one that the connection keeps its books in.
///
/// # Errors
/// Neither is told, or it is no currency.
pub(super) fn currency(value: &Value, pointer: &str, access: &Access) -> Result<Currency, Unreadable> {
    match text(value, pointer) {
        Some(code) => code.parse().map_err(Unreadable),
        None => {
            access.settings.currency.ok_or_else(|| Unreadable(format!("neither {pointer} nor the connection's settings name a currency")))
        }
    }
}

/// A day: `2026-11-20`, with a time behind it perhaps, or `/Date(1795132800000+0000)/`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    milliseconds(text).map(|at| at.date_naive()).or_else(|| text.get(..10)?.parse().ok())
}

/// The day at `pointer`.
pub(super) fn date_at(value: &Value, pointer: &str) -> Option<NaiveDate> {
    text(value, pointer).and_then(date)
}

/// The day that must stand at `pointer`.
///
/// # Errors
/// It does not.
pub(super) fn needed_date(value: &Value, pointer: &str) -> Result<NaiveDate, Unreadable> {
    date_at(value, pointer).ok_or_else(|| missing(pointer))
}

/// A moment: RFC 3339, the same without a zone (UTC is meant), or `/Date(1795132800000+0000)/`.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    milliseconds(text).or_else(zoned).or_else(|| text.parse::<NaiveDateTime>().ok().map(|at| at.and_utc()))
}

/// The moment at `pointer`.
pub(super) fn moment_at(value: &Value, pointer: &str) -> Option<DateTime<Utc>> {
    text(value, pointer).and_then(moment)
}

/// Milliseconds since 1970, as .NET once wrote them. A zone behind them is how they are to be shown, and changes nothing.
fn milliseconds(text: &str) -> Option<DateTime<Utc>> {
    let inside = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let (sign, digits) = inside.strip_prefix('-').map_or((1, inside), |rest| (-1, rest));
    let digits = digits.split(['+', '-']).next()?;
    DateTime::from_timestamp_millis(digits.parse::<i64>().ok()?.checked_mul(sign)?)
}

/// The first e-mail address of a list that a person wrote.
pub(super) fn email(text: &str) -> Option<Email> {
    text.split([',', ';', ' ']).find_map(|one| one.parse().ok())
}

/// A telephone number, where it is written with its country.
pub(super) fn phone(text: &str) -> Option<Phone> {
    text.parse().ok()
}

/// A language, by the first letters of `fr`, `fr_FR` or `fr-FR`.
pub(super) fn language(text: &str) -> Option<Language> {
    text.split(['_', '-']).next()?.to_ascii_lowercase().parse().ok()
}

/// A country, by its code of two letters or by a name that people give it in English or in its own language.
pub(super) fn country(text: &str) -> Option<Country> {
    let text = text.trim();
    let named = |names: &str| names.split('|').skip(1).any(|name| name.eq_ignore_ascii_case(text));
    let known = COUNTRIES.iter().find(|names| named(names)).and_then(|names| names.split('|').next());
    known.map_or_else(|| text.to_ascii_uppercase().parse(), str::parse).ok()
}

/// A customer of whom no more is known than this.
pub(super) fn customer(external_id: &str, name: &str) -> SourceCustomer {
    SourceCustomer {
        external_id: external_id.to_owned(),
        name: Some(name.chars().take(140).collect()),
        number: None,
        kind: None,
        country: None,
        language: None,
        vat_id: None,
        contact_name: None,
        email: None,
        phone: None,
        address: Address::default(),
    }
}

/// An address of the texts at `pointers`, as far as they say something.
pub(super) fn address(value: &Value, lines: &[&str], postal_code: &str, city: &str, country: Option<Country>) -> Address {
    Address {
        lines: lines.iter().filter_map(|line| short(value, line, 100)).take(6).map(AddressLine).collect(),
        postal_code: short(value, postal_code, 20),
        city: short(value, city, 100),
        country: country.map(|country| country.to_string()),
    }
}

/// A document of which no more is known than this.
pub(super) fn document(
    (kind, status): (SourceKind, SourceStatus),
    number: &str,
    issue_date: NaiveDate,
    (total, currency): (i64, Currency),
    customer: SourceCustomer,
) -> SourceInvoice {
    SourceInvoice {
        kind,
        number: number.chars().take(60).collect(),
        status,
        issue_date,
        due_date: None,
        currency,
        total,
        amount_due: None,
        amount_paid: None,
        paid_on: None,
        collect_on: None,
        payment_link: None,
        order_reference: None,
        structured_reference: None,
        credits: Vec::new(),
        customer,
        updated_at: None,
        metadata: Pairs::default(),
    }
}

/// Codes, and what stands in a free field instead. Whoever is missing here is given its code, or none.
const COUNTRIES: &[&str] = &[
    "AT|Austria|Österreich|AUT",
    "AU|Australia|AUS",
    "BE|Belgium|Belgique|België|Belgien|BEL",
    "BG|Bulgaria|BGR",
    "CA|Canada|CAN",
    "CH|Switzerland|Suisse|Schweiz|Svizzera|CHE",
    "CY|Cyprus|CYP",
    "CZ|Czech Republic|Czechia|CZE",
    "DE|Germany|Deutschland|Allemagne|DEU",
    "DK|Denmark|Danmark|DNK",
    "EE|Estonia|EST",
    "ES|Spain|España|Espagne|ESP",
    "FI|Finland|Suomi|FIN",
    "FR|France|FRA",
    "GB|UK|United Kingdom|Great Britain|England|Scotland|Wales|Northern Ireland|GBR",
    "GR|Greece|GRC",
    "HR|Croatia|HRV",
    "HU|Hungary|HUN",
    "IE|Ireland|Republic of Ireland|IRL",
    "IT|Italy|Italia|Italie|ITA",
    "LT|Lithuania|LTU",
    "LU|Luxembourg|Luxemburg|LUX",
    "LV|Latvia|LVA",
    "MT|Malta|MLT",
    "NL|Netherlands|The Netherlands|Nederland|Pays-Bas|NLD",
    "NO|Norway|Norge|NOR",
    "NZ|New Zealand|NZL",
    "PL|Poland|Polska|POL",
    "PT|Portugal|PRT",
    "RO|Romania|ROU",
    "SE|Sweden|Sverige|SWE",
    "SI|Slovenia|SVN",
    "SK|Slovakia|SVK",
    "US|United States|United States of America|USA",
    "ZA|South Africa|ZAF",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_read_where_they_stand_or_refused_by_name() {
        let value = json(b"\xef\xbb\xbf{\"a\": 12.34, \"b\": 12.345, \"c\": null, \"d\": \"-0.5\"}").unwrap();
        assert_eq!(amount(&value, "/a", Currency::EUR), Ok(Some(1_234)));
        assert_eq!(amount(&value, "/d", Currency::EUR), Ok(Some(-50)));
        assert_eq!([amount(&value, "/c", Currency::EUR), amount(&value, "/missing", Currency::EUR)], [Ok(None), Ok(None)]);
        assert!(amount(&value, "/b", Currency::EUR).unwrap_err().0.contains("/b"));
        assert!(needed_amount(&value, "/c", Currency::EUR).unwrap_err().0.contains("/c"));
    }

    #[test]
    fn an_id_never_leads_anywhere_else() {
        let value = json!({"good": "9a-B_1", "dots": "..", "path": "1/2", "query": "1?x=1", "blank": " ", "long": "1".repeat(101)});
        assert_eq!(id(&value, "/good"), Some("9a-B_1"));
        for bad in ["/dots", "/path", "/query", "/blank", "/long", "/none"] {
            assert_eq!(id(&value, bad), None, "{bad}");
        }
        assert_eq!(key(&["a", &"b".repeat(300)]).len(), 200);
    }

    #[test]
    fn days_and_moments_in_every_spelling() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 20);
        for text in
            ["2026-11-20", "2026-11-20T00:00:00", "/Date(1795132800000+0000)/", "/Date(1795132800000)/", "/Date(1795132800000+1300)/"]
        {
            assert_eq!(date(text), day, "{text}");
        }
        let at = DateTime::parse_from_rfc3339("2026-11-20T09:15:30Z").unwrap().to_utc();
        for text in [
            "2026-11-20T09:15:30Z",
            "2026-11-20T01:15:30-08:00",
            "2026-11-20T09:15:30",
            "2026-11-20T09:15:30.000",
            "/Date(1795166130000+0000)/",
        ] {
            assert_eq!(moment(text), Some(at), "{text}");
        }
        for none in ["", "20/11/2026", "2026-13-01", "/Date()/", "/Date(99999999999999999999)/", "/Date(1", "é2026-11-20"] {
            assert_eq!((date(none), moment(none)), (None, None), "{none}");
        }
        assert_eq!(date("/Date(-86400000)/"), NaiveDate::from_ymd_opt(1969, 12, 31));
    }

    #[test]
    fn what_people_wrote_is_taken_where_it_is_plain() {
        assert_eq!(email("Anne <x>, anne@client.example; b@c.example").unwrap().as_str(), "anne@client.example");
        assert_eq!(email("none"), None);
        let code = |text: &str| country(text).map(|country| country.to_string());
        for (text, expected) in [("fr", "FR"), ("UK", "GB"), ("uk", "GB"), ("United Kingdom", "GB"), ("USA", "US"), (" Belgique ", "BE")] {
            assert_eq!(code(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!((code("Atlantis"), code(""), code("F1")), (None, None, None));
        assert_eq!(
            [language("fr_FR"), language("en-GB"), language("NL"), language("xx")].map(|one| one.map(|one| one.to_string())),
            [Some("fr".to_owned()), Some("en".to_owned()), Some("nl".to_owned()), None]
        );
        assert!(phone("+33612345678").is_some() && phone("0612345678").is_none());
    }

    #[test]
    fn every_country_of_the_list_is_one() {
        for names in COUNTRIES {
            let code = names.split('|').next().unwrap();
            assert_eq!(code.parse::<Country>().map(|code| code.to_string()).as_deref(), Ok(code));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_none(text in ".{0,40}") {
            let _ = (date(&text), moment(&text), country(&text), language(&text), email(&text), phone(&text));
        }
    }
}
