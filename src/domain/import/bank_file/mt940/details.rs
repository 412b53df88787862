//! The text of an entry (`:86:`) in the dialects of banks: German numbered subfields with SEPA keywords, Dutch keywords between strokes, free text.
//!
//! Lines are cut where they are full, in the middle of words too: a full line goes on without a space.

use crate::domain::import::{
    bank_file::{Counterparty, Direction, Entry, Transaction, said},
    text::{compact, line},
};

/// What stands before the first line and counts with it.
const TAG: &str = ":86:";
/// How long a line is before it must go on in the next.
const LINE: usize = 65;
/// How long a German subfield is before it must.
const SUBFIELD: usize = 27;

/// What may stand before a German subfield's number.
const SEPARATORS: [char; 6] = ['?', '>', '<', '#', '@', '+'];
/// What Germans write before each thing in the purpose.
const SEPA: [&str; 12] = ["EREF+", "KREF+", "MREF+", "CRED+", "DEBT+", "SVWZ+", "ABWA+", "ABWE+", "IBAN+", "BIC+", "COAM+", "OAMT+"];
/// What the Dutch write between strokes before each thing.
const DUTCH: [&str; 22] = [
    "EREF", "PREF", "MARF", "CSID", "BENM", "ORDP", "CNTP", "NAME", "IBAN", "BIC", "ADDR", "REMI", "USTD", "STRD", "ISDT", "TRTP", "TRCD",
    "RTRN", "ULTD", "ULTC", "PURP", "ULTB",
];
/// Codes of business of German banks for direct debits that come back, whose payer is the debtor still.
const RETURNED_DEBITS: [&str; 2] = ["108", "109"];
/// Codes of business of German banks for money that comes back.
const RETURNS: [&str; 8] = ["108", "109", "159", "181", "182", "183", "184", "185"];

/// Adds what the lines say to an entry and its only transaction.
pub(super) fn add(lines: &[&str], entry: &mut Entry) {
    let text = lines_joined(lines);
    let Some(transaction) = entry.transactions.first_mut() else { return };
    if let Some((code, separator)) = german(&text) {
        entry.note = subfields(&text, separator).find(|(number, _)| *number == "00").map(|(_, text)| line(text)).or(entry.note.take());
        add_german(&text, code, separator, transaction);
    } else if is_dutch(&text) {
        add_dutch(&text, transaction);
    } else {
        transaction.text = said(Some(line(&text))).filter(|text| !text.is_empty());
    }
}

/// Lines put together: without a space where one was full, with the tag before the first or without it, or where the next begins a subfield.
fn lines_joined(lines: &[&str]) -> String {
    let numbered = lines.first().is_some_and(|first| german(first).is_some());
    let mut text = String::new();
    let mut full = true;
    for (n, piece) in lines.iter().enumerate() {
        let goes_on = full || (numbered && begins_subfield(piece));
        if !goes_on {
            text.push(' ');
        }
        text.push_str(piece);
        let tag = if n == 0 { TAG.len() } else { 0 };
        full = piece.chars().count().saturating_add(tag) >= LINE;
    }
    text
}

fn begins_subfield(line: &str) -> bool {
    matches!(line.as_bytes(), [separator, first, second, ..] if SEPARATORS.contains(&char::from(*separator)) && first.is_ascii_digit() && second.is_ascii_digit())
}

/// Subfields put together: without a space where one was full. Those of banks that make them longer are lines of their own.
fn subfields_joined<'a>(pieces: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut full = true;
    for piece in pieces {
        let piece = if piece.chars().count() > SUBFIELD { piece.trim_end() } else { piece };
        if !full {
            text.push(' ');
        }
        text.push_str(piece);
        full = piece.chars().count() == SUBFIELD;
    }
    text
}

/// The party at the other end.
const fn other(transaction: &mut Transaction) -> &mut Counterparty {
    match transaction.direction {
        Direction::Credit => &mut transaction.debtor,
        Direction::Debit => &mut transaction.creditor,
    }
}

/// Three digits and the character that then begins each subfield.
fn german(text: &str) -> Option<(&str, char)> {
    let code = text.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?;
    let mut rest = text.get(3..)?.chars();
    let separator = rest.next().filter(|one| SEPARATORS.contains(one))?;
    let digits = rest.next()?.is_ascii_digit() && rest.next()?.is_ascii_digit();
    digits.then_some((code, separator))
}

/// The numbered subfields. A separator without a number behind it is a character like any other.
fn subfields(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    let numbered = move |rest: &str| rest.get(..2).is_some_and(|two| two.bytes().all(|byte| byte.is_ascii_digit()));
    let starts: Vec<usize> = text
        .match_indices(separator)
        .map(|(at, found)| at.saturating_add(found.len()))
        .filter(|start| text.get(*start..).is_some_and(numbered))
        .collect();
    let ends: Vec<usize> = starts.iter().skip(1).map(|start| start.saturating_sub(separator.len_utf8())).chain([text.len()]).collect();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| text.get(start..end)?.split_at_checked(2))
}

fn add_german(text: &str, code: &str, separator: char, transaction: &mut Transaction) {
    let all: Vec<(&str, &str)> = subfields(text, separator).collect();
    let of = |wanted: &str| all.iter().find(|(number, _)| *number == wanted).map(|(_, text)| *text);
    let pieces = |begins: char| all.iter().filter(move |(number, _)| number.starts_with(begins) && *number < "64").map(|(_, text)| *text);
    // 60 to 63 go on where 29 is full; some banks use them alone, for what has no place elsewhere.
    let goes_on = of("29").is_some();
    let purpose = subfields_joined(pieces('2').chain(pieces('6').filter(|_| goes_on)));
    let beside = subfields_joined(pieces('6').filter(|_| !goes_on));
    let keyed: Vec<(&str, &str)> = keyed(&purpose).into_iter().chain(keyed(&beside)).collect();
    let value = |key: &str| {
        keyed
            .iter()
            .find(|(one, value)| *one == key && !value.trim().is_empty())
            .and_then(|(_, value)| said(Some(line(value))))
            .filter(|value| !value.is_empty())
    };
    transaction.end_to_end_id = value("EREF+");
    transaction.mandate_id = value("MREF+");
    transaction.text = value("SVWZ+").or_else(|| value(""));
    if transaction.direction == Direction::Credit {
        transaction.ultimate_debtor = value("ABWA+");
    }
    let name = line(&subfields_joined([of("32"), of("33")].into_iter().flatten()));
    let account = of("38").or_else(|| of("31")).map(compact).or_else(|| value("IBAN+").map(|iban| compact(&iban)));
    let party = if RETURNED_DEBITS.contains(&code) { &mut transaction.debtor } else { other(transaction) };
    party.name = Some(name).filter(|name| !name.is_empty());
    party.account = account.filter(|account| !account.is_empty()).or(party.account.take());
    if RETURNS.contains(&code) {
        transaction.return_reason = Some(of("34").map(line).filter(|reason| !reason.is_empty()).unwrap_or_else(|| code.to_owned()));
    }
}

/// What stands before the first keyword, under an empty one, and what stands behind each.
fn keyed(purpose: &str) -> Vec<(&str, &str)> {
    let mut places: Vec<(usize, &str)> = SEPA.iter().flat_map(|key| purpose.match_indices(key)).collect();
    places.sort_unstable();
    let ends: Vec<usize> = places.iter().map(|(at, _)| *at).chain([purpose.len()]).collect();
    let before = ends.first().and_then(|end| purpose.get(..*end)).unwrap_or_default();
    let behind = places.iter().zip(ends.iter().skip(1));
    let behind = behind.filter_map(|((at, key), end)| Some((*key, purpose.get(at.saturating_add(key.len())..*end)?)));
    std::iter::once(("", before)).chain(behind).collect()
}

fn is_dutch(text: &str) -> bool {
    text.starts_with('/') && text.split('/').nth(1).is_some_and(|key| DUTCH.contains(&key))
}

fn add_dutch(text: &str, transaction: &mut Transaction) {
    let mut keyed: Vec<(&str, String)> = Vec::new();
    for part in text.split('/').skip(1) {
        match keyed.last_mut() {
            _ if DUTCH.contains(&part.trim()) => keyed.push((part.trim(), String::new())),
            Some((_, value)) => {
                if !value.is_empty() {
                    value.push('/');
                }
                value.push_str(part);
            }
            None => {}
        }
    }
    let value = |key: &str| {
        let raw = keyed.iter().find(|(one, value)| *one == key && !value.trim_matches(['/', ' ']).is_empty())?;
        said(Some(line(raw.1.trim_matches(['/', ' ']))))
    };
    transaction.end_to_end_id = value("EREF");
    transaction.mandate_id = value("MARF");
    transaction.return_reason = value("RTRN");
    transaction.text = value("USTD").or_else(|| value("REMI"));
    transaction.ultimate_debtor = value("ULTD");
    // `STRD/CUR/9001123412341234`: who defines it, and the reference.
    let structured = value("STRD").map(|value| value.rsplit('/').next().unwrap_or_default().to_owned());
    transaction.structured_references.extend(structured.filter(|reference| !reference.is_empty()));
    let counterparty = value("CNTP").unwrap_or_default();
    let mut parts = counterparty.split('/');
    let (account, name) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let account = value("IBAN").unwrap_or_else(|| account.to_owned());
    let party = other(transaction);
    party.name = value("NAME").or_else(|| Some(line(name)).filter(|name| !name.is_empty()));
    party.account = Some(compact(&account)).filter(|account| !account.is_empty()).or(party.account.take());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Transaction {
        let file =
            super::super::read(format!(":20:A\n:25:B\n:60F:C260301EUR0,\n:61:260302C5,NTRFNONREF\n:86:{text}\n").as_bytes()).unwrap();
        file.entries[0].transactions[0].clone()
    }

    #[test]
    fn german_subfields_are_put_together() {
        let one = told(
            "166?00GUTSCHRIFT?20EREF+RE-77?21SVWZ+Rechnung F-2026-118 vom?22 1.3. Danke?31DE89370400440532013000?32Muster?33 GmbH?34000",
        );
        assert_eq!((one.end_to_end_id.as_deref(), one.text.as_deref()), (Some("RE-77"), Some("Rechnung F-2026-118 vom 1.3. Danke")));
        assert_eq!((one.debtor.name.as_deref(), one.debtor.iban()), (Some("Muster GmbH"), Some("DE89370400440532013000")));
        assert_eq!(told("109?00RUECKLAST?20EREF+NOTPROVIDED?21SVWZ+zurueck?34914").return_reason.as_deref(), Some("914"));
        assert_eq!(told("051?00X?20ohne Schluessel?21und kurz").text.as_deref(), Some("ohne Schluessel und kurz"));
        assert_eq!(told("166?00what? no number?20a").text.as_deref(), Some("a"));
    }

    #[test]
    fn dutch_keywords_are_read() {
        let one = told("/TRTP/SEPA OVERBOEKING/IBAN/NL71RABO0123456789/BIC/RABONL2U/NAME/J. Jansen/REMI/factuur 2026/118/EREF/E-9");
        assert_eq!((one.text.as_deref(), one.end_to_end_id.as_deref()), (Some("factuur 2026/118"), Some("E-9")));
        assert_eq!((one.debtor.name.as_deref(), one.debtor.account.as_deref()), (Some("J. Jansen"), Some("NL71RABO0123456789")));
        let ing = told("/EREF/E-10//CNTP/NL32INGB0000012345/INGBNL2A/Klant BV/Amsterdam///REMI/STRD/CUR/9001123412341234/");
        assert_eq!(
            (ing.structured_references.as_slice(), ing.debtor.name.as_deref()),
            (["9001123412341234".to_owned()].as_slice(), Some("Klant BV"))
        );
        let ing = told("/RTRN/MS03//REMI/USTD//F-2026-118/");
        assert_eq!((ing.return_reason.as_deref(), ing.text.as_deref()), (Some("MS03"), Some("F-2026-118")));
    }

    #[test]
    fn free_text_is_one_line() {
        assert_eq!(told("VIREMENT DE DUPONT\nFACTURE F-2026-118").text.as_deref(), Some("VIREMENT DE DUPONT FACTURE F-2026-118"));
        assert_eq!(told("").text, None);
    }
}
