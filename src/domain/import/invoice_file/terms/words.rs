//! Sentences about payment, cut into clauses of words that mean something.
//!
//! No grammar: numbers, units, percentages and dates are recognised by themselves, and a few dozen words of four languages say what a clause is about.

use chrono::NaiveDate;

use super::MAX_DAYS;
use crate::domain::ledger::terms::Portion;

/// A word that means something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// Any other, in lower case.
    Plain(String),
    /// A number.
    Number(u16),
    /// A part.
    Percent(Portion),
    /// A day of the calendar.
    Date(NaiveDate),
    /// What looks like a day and is none, or is one of two.
    Doubtful,
}

/// Words up to a comma, a full stop, or an "otherwise".
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Clause(pub(super) Vec<Word>);

const DAYS: &[&str] =
    &["day", "days", "d", "tag", "tage", "tagen", "kalendertage", "kalendertagen", "jour", "jours", "j", "jrs", "dag", "dagen", "calendar"];
const WEEKS: &[&str] = &["week", "weeks", "woche", "wochen", "semaine", "semaines", "weken"];
const MONTHS: &[&str] = &["month", "months", "monat", "monate", "monaten", "mois", "maand", "maanden"];
const MONEY: &[&str] = &["eur", "euro", "€", "chf", "usd", "$", "gbp", "£"];
const AT_ONCE: &[&str] = &["sofort", "immediate", "immediately", "receipt", "réception", "reception", "comptant", "onmiddellijk"];
const NET: &[&str] = &["net", "netto", "nett", "nets", "abzug", "sonst", "otherwise", "sinon"];
const OTHERWISE: &[&str] = &["or", "oder", "ou", "sonst", "sinon", "otherwise", "anders"];
const DISCOUNT: &[&str] = &["skonto", "discount", "escompte", "korting", "rabatt", "nachlass", "betalingskorting"];
/// Words before a day that is another thing's.
const OF_ANOTHER: &[&str] = &["vom", "du", "dated", "from", "van", "d.d"];
/// Beginnings of words by which a day is one to pay on.
const PAY: &[&str] = &[
    "bis",
    "by",
    "before",
    "avant",
    "due",
    "fällig",
    "faellig",
    "zahl",
    "pay",
    "pai",
    "überweis",
    "regl",
    "règl",
    "régl",
    "échéance",
    "echeance",
    "betal",
    "vervaldatum",
    "voor",
    "vóór",
    "uiterlijk",
    "spätestens",
    "latest",
    "eingezogen",
    "einzug",
    "abgebucht",
    "debit",
    "prélev",
    "prelev",
    "afgeschreven",
    "incasso",
    "limite",
    "until",
    "jusqu",
];
/// Beginnings of words by which a clause is about what happens later, or about other days than those of payment.
const ELSE: &[&str] = &[
    "verzug",
    "verzinsung",
    "zins",
    "mahn",
    "interest",
    "goods",
    "ware",
    "marchandise",
    "goederen",
    "overdue",
    "penalt",
    "pénalit",
    "penalit",
    "retard",
    "rente",
    "boete",
    "widerruf",
    "rückgabe",
    "return",
    "retour",
    "reklam",
    "complain",
    "réclam",
    "gewähr",
    "garantie",
    "warranty",
    "lieferzeit",
    "livraison",
    "deliver",
    "levering",
    "indemnit",
    "recouvrement",
    "valid",
];
/// Beginnings of words by which the amount is paid in parts.
const PARTS: &[&str] = &[
    "rate",
    "raten",
    "commande",
    "anzahlung",
    "acompte",
    "arrhes",
    "solde",
    "rest",
    "deposit",
    "prepaid",
    "instal",
    "voorschot",
    "prepay",
    "upfront",
    "order",
];

/// The clauses of `text`.
pub(super) fn clauses(text: &str) -> Vec<Clause> {
    let mut all: Vec<Clause> = vec![Clause::default()];
    let push = |all: &mut Vec<Clause>, word: Word| {
        if let Some(last) = all.last_mut() {
            last.0.push(word);
        }
    };
    for raw in text.to_lowercase().split_inclusive(|one: char| one.is_whitespace() || matches!(one, '(' | ')' | ':' | '+')) {
        let ends_line = raw.ends_with(['\n', '\r']);
        let raw = raw.trim_end_matches(|one: char| one.is_whitespace() || matches!(one, '(' | ')' | ':' | '+'));
        let bare = raw.trim_matches(|one: char| matches!(one, ',' | '.' | ';' | '!' | '?' | '"' | '\'' | '-'));
        if OTHERWISE.contains(&bare) || bare == "/" {
            all.push(Clause::default());
        }
        if matches!(bare, "%" | "percent" | "prozent" | "procent" | "pct") {
            all.last_mut().into_iter().for_each(Clause::last_is_percent);
        } else if !bare.is_empty() {
            shorthand(bare).into_iter().for_each(|word| push(&mut all, word));
        }
        let ends = ends_line || (raw.len() > bare.len() && raw.ends_with([',', '.', ';', '!', '?']));
        // A discount and its days may stand on both sides of a comma.
        let waits = raw.ends_with(',') && all.last().is_some_and(|clause| clause.names_a_discount() && clause.days().is_empty());
        if ends && !waits {
            all.push(Clause::default());
        }
    }
    all.retain(|clause| !clause.0.is_empty());
    all
}

/// A word, or the several that a shorthand such as `2/10`, `net30` or `2%` stands for.
fn shorthand(bare: &str) -> Vec<Word> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|one| one.is_ascii_digit()));
    if let Some(date) = date(bare) {
        return vec![date];
    }
    if let Some(percent) = bare.strip_suffix('%') {
        return vec![part(percent).unwrap_or_else(|| Word::Plain(bare.to_owned()))];
    }
    if let Some((percent, days)) = bare.split_once('/')
        && let (Some(percent), Some(days)) = (part(percent), number(days))
    {
        return vec![percent, Word::Number(days), Word::Plain("days".to_owned())];
    }
    if let Some(days) = bare.strip_prefix("net").and_then(number).or_else(|| bare.strip_prefix("n/").and_then(number)) {
        return vec![Word::Plain("net".to_owned()), Word::Number(days)];
    }
    let digits = bare.find(|one: char| !one.is_ascii_digit()).unwrap_or(bare.len());
    match bare.split_at_checked(digits) {
        Some((days, "")) => vec![number(days).map_or_else(|| Word::Plain(bare.to_owned()), Word::Number)],
        Some((days, unit)) if DAYS.contains(&unit) => {
            number(days).map_or_else(|| vec![Word::Plain(bare.to_owned())], |days| vec![Word::Number(days), Word::Plain("days".to_owned())])
        }
        _ => vec![Word::Plain(bare.to_owned())],
    }
}

fn part(text: &str) -> Option<Word> {
    text.replace(',', ".").parse().ok().map(Word::Percent)
}

/// `2026-03-31`, `31.03.2026`, `31.3.26`, `31/03/2026`. With slashes the month may come first: only what has one reading is a date.
fn date(text: &str) -> Option<Word> {
    let separator = ['.', '/', '-'].into_iter().find(|one| text.matches(*one).count() == 2)?;
    let parts: Vec<u32> = text
        .split(separator)
        .map(|part| part.parse().ok().filter(|_| part.len() <= 4 && part.bytes().all(|one| one.is_ascii_digit())))
        .collect::<Option<_>>()?;
    let &[first, second, third] = parts.as_slice() else { return None };
    let day = |year: u32, month: u32, day: u32| {
        let year = i32::try_from(if year < 100 { year.saturating_add(2000) } else { year }).ok()?;
        NaiveDate::from_ymd_opt(year, month, day).filter(|_| year >= 1900)
    };
    let shaped = |day: u32, month: u32, year: u32| day <= 31 && month <= 31 && (year < 100 || (1900..2200).contains(&year));
    let is_shaped = shaped(first, second, third) || (first >= 1900 && shaped(third, second, first));
    if !is_shaped {
        return None;
    }
    let found = match separator {
        _ if first >= 1000 => day(first, second, third),
        '/' | '-' => match (day(third, second, first), day(third, first, second)) {
            (Some(one), Some(other)) if one == other => Some(one),
            (Some(one), None) | (None, Some(one)) => Some(one),
            _ => None,
        },
        _ => day(third, second, first),
    };
    Some(found.map_or(Word::Doubtful, Word::Date))
}

impl Clause {
    /// A percent sign that stands alone belongs to the number before it.
    fn last_is_percent(&mut self) {
        let percent = match self.0.last() {
            Some(Word::Number(number)) => part(&number.to_string()),
            Some(Word::Plain(text)) => part(text),
            _ => None,
        };
        if let (Some(percent), Some(last)) = (percent, self.0.last_mut()) {
            *last = percent;
        }
    }

    fn plain(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0.iter().enumerate().filter_map(|(n, word)| match word {
            Word::Plain(text) => Some((n, text.as_str())),
            _ => None,
        })
    }

    fn any(&self, words: &[&str]) -> bool {
        self.plain().any(|(_, word)| words.contains(&word))
    }

    fn begins(&self, beginnings: &[&str]) -> bool {
        self.plain().any(|(_, word)| beginnings.iter().any(|beginning| word.starts_with(beginning)))
    }

    fn names_a_discount(&self) -> bool {
        self.any(DISCOUNT) || self.0.iter().any(|word| matches!(word, Word::Percent(_)))
    }

    /// About lateness, returns, warranty: not about when to pay.
    pub(super) fn is_about_something_else(&self) -> bool {
        self.begins(ELSE) || self.any(&["late"])
    }

    /// About a part of the amount.
    pub(super) fn is_in_parts(&self) -> bool {
        self.begins(PARTS) || self.0.iter().filter(|word| matches!(word, Word::Percent(_))).count() > 1
    }

    /// Whether it says that nothing is deducted.
    pub(super) fn is_net(&self) -> bool {
        self.any(NET)
    }

    /// Whether it is to be paid at once.
    pub(super) fn is_at_once(&self) -> bool {
        self.any(AT_ONCE)
    }

    /// Numbers of days with their places; weeks are days too. "Net 30" needs no unit.
    pub(super) fn days(&self) -> Vec<(usize, u16)> {
        let unit = |n: usize| match self.0.get(n) {
            Some(Word::Plain(word)) => Some(word.as_str()),
            _ => None,
        };
        let read = |(n, word): (usize, &Word)| {
            let Word::Number(number) = word else { return None };
            let (before, after) = (n.checked_sub(1).and_then(unit).unwrap_or_default(), unit(n.saturating_add(1)).unwrap_or_default());
            let times = if WEEKS.contains(&after) {
                7
            } else if DAYS.contains(&after) || (before == "net" && !MONTHS.contains(&after) && !MONEY.contains(&after)) {
                1
            } else {
                return None;
            };
            let days = number.checked_mul(times).filter(|days| *days <= MAX_DAYS)?;
            Some((n, days))
        };
        self.0.iter().enumerate().filter_map(read).collect()
    }

    /// Days of the calendar that it names as days to pay on: with a word of paying or of an end, and not as the day of something else ("invoice of …").
    pub(super) fn dates(&self) -> Vec<NaiveDate> {
        let of_another = |n: usize| matches!(n.checked_sub(1).and_then(|n| self.0.get(n)), Some(Word::Plain(word)) if OF_ANOTHER.contains(&word.as_str()));
        let dates = self.0.iter().enumerate().filter_map(|(n, word)| match word {
            Word::Date(date) if !of_another(n) => Some(*date),
            _ => None,
        });
        if self.begins(PAY) { dates.collect() } else { Vec::new() }
    }

    /// Whether it speaks of a discount.
    pub(super) fn names_a_discount_by_word(&self) -> bool {
        self.any(DISCOUNT)
    }

    /// Whether it names a day of the calendar.
    pub(super) fn has_date(&self) -> bool {
        self.0.iter().any(|word| matches!(word, Word::Date(_)))
    }

    /// Whether it names a day that is none, or may be two.
    pub(super) fn has_doubtful_date(&self) -> bool {
        self.0.contains(&Word::Doubtful)
    }

    /// Whether it counts in months.
    pub(super) fn has_months(&self) -> bool {
        self.any(MONTHS) && self.end_of_month().is_none()
    }

    /// Whether it goes to the end of a month, and, if so, before the days are counted.
    pub(super) fn end_of_month(&self) -> Option<bool> {
        let words: Vec<(usize, &str)> = self.plain().collect();
        let place = words.windows(2).find_map(|two| match two {
            [(at, "fin"), (_, "mois" | "de")] | [(at, "end"), (_, "of" | "month")] | [(at, "einde"), (_, "maand" | "van")] => Some(*at),
            _ => None,
        });
        let place =
            place.or_else(|| words.iter().find(|(_, word)| matches!(*word, "eom" | "monatsende" | "fdm" | "ultimo")).map(|(at, _)| *at))?;
        Some(self.days().first().is_none_or(|(days, _)| place < *days))
    }

    /// The day of the month after `le`, `the` or `den`: "fin de mois le 10".
    pub(super) fn day_of_month(&self) -> Option<u8> {
        let two = self.0.windows(2).find_map(|two| match two {
            [Word::Plain(word), Word::Number(day)] if matches!(word.as_str(), "le" | "the" | "den") => Some(*day),
            _ => None,
        })?;
        u8::try_from(two).ok().filter(|day| (1..=31).contains(day))
    }
}
