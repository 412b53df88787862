//! Names as senders of text messages: what a country's networks let through, and what a debtor's telephone must not show.
//!
//! Not here: whether a provider has approved the name. A country that the table does not list is taken to let names pass.

use crate::domain::{invalid::Faults, locale::Country};

/// The longest name that GSM carries as a sender (3GPP TS 23.040 §9.1.2.5).
const LONGEST: usize = 11;

/// What becomes of a name as sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Custom {
    /// Replaced or blocked: only numbers are shown.
    NumbersOnly,
    /// Blocked unless it was entered in a register before.
    Registered,
}

/// Country, custom, and where that was read.
const CUSTOMS: &[(&str, Custom, &str)] = &[
    ("AU", Custom::Registered, "Telnyx, International SMS compliance guide (2026): sender ID registration"),
    ("CA", Custom::NumbersOnly, "AWS End User Messaging user guide, Sender IDs: Canada does not support them"),
    ("CN", Custom::NumbersOnly, "AWS End User Messaging user guide, Sender IDs: China does not support them"),
    (
        "ES",
        Custom::Registered,
        "AWS End User Messaging user guide, Spain registration: CNMC alias register, unregistered names blocked from 15 September 2026",
    ),
    ("IN", Custom::Registered, "Telnyx, International SMS compliance guide (2026): DLT registration is mandatory"),
    ("IT", Custom::Registered, "Salesforce, Guide for sending SMS messages to Italy: alphanumeric codes require preregistration"),
    ("PR", Custom::NumbersOnly, "Telnyx, Alphanumeric sender ID: not to the United States, Canada or Puerto Rico"),
    ("US", Custom::NumbersOnly, "AWS End User Messaging user guide, Sender IDs: the United States do not support them"),
];

/// What a word begins with that would tell whoever looks at the telephone that its owner owes money: French, English, Dutch, German.
const DEBT_WORDS: &[&str] = &[
    "achterstand",
    "arrears",
    "collection",
    "contentieux",
    "creance",
    "debt",
    "dette",
    "deurwaard",
    "faellig",
    "huissier",
    "impaye",
    "incasso",
    "inkasso",
    "mahnung",
    "overdue",
    "recouv",
    "relance",
    "retard",
    "schuld",
    "unpaid",
];

/// What is wrong with a sender, for text messages to `countries`; it may be entered in the registers of `registered_in`. A number is always let through.
pub fn sender_faults(sender: &str, countries: &[Country], registered_in: &[Country]) -> Faults {
    let mut faults = Faults::none();
    if sender.starts_with('+') || sender.bytes().all(|byte| byte.is_ascii_digit()) {
        return faults;
    }
    if sender.len() > LONGEST || !sender.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ') {
        faults.add("", "wrong_format", format!("at most {LONGEST} letters, digits and spaces, without accents"));
    }
    let words = words(sender);
    if let Some(word) = DEBT_WORDS.iter().find(|debt| words.iter().any(|word| word.starts_with(*debt))) {
        faults.add(
            "",
            "debt_word",
            format!("{word:?} tells whoever sees the telephone that its owner owes money; write the creditor's name"),
        );
    }
    for country in countries {
        let Some((_, custom, source)) = CUSTOMS.iter().find(|(listed, ..)| *listed == country.as_str()) else { continue };
        match custom {
            Custom::NumbersOnly => {
                faults.add("", "numbers_only", format!("networks of {country} show only numbers as senders; use a number ({source})"));
            }
            Custom::Registered if !registered_in.contains(country) => faults.add(
                "",
                "not_registered",
                format!("{country} blocks names that are in no register; enter it there, then list {country} in texts.sender_registered_in ({source})"),
            ),
            Custom::Registered => {}
        }
    }
    faults
}

/// The words of a name in small letters; a large letter after a small one begins a word too: `MesDettes`.
fn words(name: &str) -> Vec<String> {
    let (mut words, mut before) = (vec![String::new()], ' ');
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (before.is_lowercase() && letter.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(sender: &str, countries: &[&str], registered: &[&str]) -> Vec<&'static str> {
        let read = |list: &[&str]| list.iter().map(|country| country.parse().unwrap()).collect::<Vec<Country>>();
        sender_faults(sender, &read(countries), &read(registered)).0.into_iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_name_is_judged_by_its_words_and_by_each_country() {
        assert_eq!(codes("Atelier", &["FR", "BE", "DE"], &[]), Vec::<&str>::new());
        assert_eq!(codes("Atelier", &["US", "ES", "IT"], &["IT"]), ["numbers_only", "not_registered"]);
        assert_eq!(codes("+15062345678", &["US", "CA"], &[]), Vec::<&str>::new());
        assert_eq!(codes("Atelier Dupont", &[], &[]), ["wrong_format"]);
        for word in ["Relance", "DEBT desk", "Inkasso24", "MesDettes", "Mahnungen", "SCHULDEN"] {
            assert_eq!(codes(word, &["FR"], &[]), ["debt_word"], "{word}");
        }
        assert_eq!(codes("Chez Odette", &["FR"], &[]), Vec::<&str>::new());
        assert!(CUSTOMS.is_sorted_by_key(|row| row.0) && DEBT_WORDS.is_sorted());
        assert!(CUSTOMS.iter().all(|(country, _, source)| country.parse::<Country>().is_ok() && !source.is_empty()));
    }
}
