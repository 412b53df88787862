//! What every sample of others must come to: taken from the files by other means than this reader, words by eye.

mod camt;
mod mt940;

use super::super::*;

/// Of an entry: its place in the file, itself, its first transactions.
type Line = (usize, &'static str, &'static [&'static str]);

/// File, what it comes to as a whole, and entries of it.
type File = (&'static str, &'static str, &'static [Line]);

/// File, and where and why it is refused.
const REFUSED: &[(&str, &str, &str)] = &[
    ("camt/genkgo-camt053.v2.wrong.xml", "/Document/BkToCstmrStmt/Stmt", "required"),
    ("mt940/betterplace-sepa_snippet_broken.sta", "/line/6", "repeated"),
];

fn read_files() -> impl Iterator<Item = &'static File> {
    camt::CAMT.iter().chain(mt940::MT940)
}

fn sample(name: &str) -> Option<Vec<u8>> {
    std::fs::read(format!("{}/../shared/samples/{name}", env!("CARGO_MANIFEST_DIR"))).ok()
}

fn files() -> Vec<String> {
    let within = |folder: &'static str| {
        let entries =
            std::fs::read_dir(format!("{}/../shared/samples/{folder}", env!("CARGO_MANIFEST_DIR"))).into_iter().flatten().flatten();
        entries.map(move |entry| format!("{folder}/{}", entry.file_name().to_string_lossy())).collect::<Vec<_>>()
    };
    ["camt", "mt940"].into_iter().flat_map(within).collect()
}

fn whole(file: &BankFile) -> String {
    let sum = |direction| file.entries.iter().filter(|entry| entry.direction == direction).map(|entry| entry.amount).sum::<i64>();
    let transactions: usize = file.entries.iter().map(|entry| entry.transactions.len()).sum();
    format!(
        "{} {} entries, {} booked, credit {}, debit {}, {transactions} transactions",
        file.format,
        file.entries.len(),
        file.booked().count(),
        sum(Direction::Credit),
        sum(Direction::Debit)
    )
}

fn told(entry: &Entry) -> String {
    let day = |day: Option<NaiveDate>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
    let reference = entry.servicer_reference.as_deref().unwrap_or("-");
    let count = entry.batch_count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let (booked, value) = (day(entry.booked_on), day(entry.value_on));
    format!(
        "{} {} {} {} {} {booked} {value} {reference} {count}",
        entry.account, entry.currency, entry.amount, entry.direction, entry.status
    )
}

fn detail(one: &Transaction) -> String {
    let or = |text: &Option<String>| text.clone().unwrap_or_default();
    let amount = one.amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string());
    let currency = one.currency.map(|currency| currency.to_string()).unwrap_or_default();
    let party = |party: &Counterparty| format!("{} {}", or(&party.name), or(&party.account));
    let text = format!(
        "{amount} {currency} {} | {} | {} | {} | {} | {} | {} | {}",
        one.direction,
        or(&one.end_to_end_id),
        or(&one.transaction_id),
        or(&one.uetr),
        party(&one.debtor),
        party(&one.creditor),
        one.structured_references.join(" "),
        or(&one.text)
    );
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn every_sample_is_read_as_it_is() {
    if files().is_empty() {
        eprintln!("skipped: no ../shared");
        return;
    }
    for name in files() {
        let known = read_files().any(|row| row.0 == name) || REFUSED.iter().any(|row| row.0 == name);
        assert!(known, "{name}: nothing says what it must come to");
    }
    for (name, expected, lines) in read_files() {
        let file = read(&sample(name).unwrap()).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        assert_eq!(whole(&file), *expected, "{name}");
        for (n, entry, transactions) in *lines {
            assert_eq!(told(&file.entries[*n]), *entry, "{name}, entry {n}");
            let found: Vec<String> = file.entries[*n].transactions.iter().map(detail).take(transactions.len()).collect();
            assert_eq!(found, *transactions, "{name}, entry {n}");
        }
        let keys: std::collections::BTreeSet<&String> = file.entries.iter().map(|entry| &entry.key).collect();
        assert_eq!(keys.len(), file.entries.len(), "{name}: two entries have one key");
    }
    for (name, place, code) in REFUSED {
        let faults = read(&sample(name).unwrap()).unwrap_err();
        assert_eq!((faults.0[0].pointer.as_str(), faults.0[0].code), (*place, *code), "{name}: {faults}");
    }
}

/// A month of 264 entries, in half a megabyte, many times over: a debug build takes no longer than this for each.
#[test]
fn a_month_is_read_in_no_time() {
    let Some(month) = sample("camt/subite-BE-month-264-entries.053.v2.xml") else { return };
    let begun = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(read(&month).unwrap().entries.len(), 264);
    }
    let each = begun.elapsed() / 10;
    assert!(each < std::time::Duration::from_secs(2), "{each:?}");
}

/// Its 41 transactions, of both directions, sum to the entry's debit.
#[test]
fn the_batch_of_both_directions_adds_up() {
    let Some(bytes) = sample("camt/subite-054.v10-one-entry-many-tx.xml") else { return };
    let entry = read(&bytes).unwrap().entries.remove(0);
    assert_eq!((entry.listed_sum(), entry.is_total_only()), (Some(-19_467_225), false));
}

/// A sample with anything in it damaged is read or refused.
#[test]
fn damaged_samples_are_read_or_refused() {
    for name in files() {
        let mut bytes = sample(&name).unwrap();
        bytes.truncate(20_000);
        for at in (0..bytes.len()).step_by(151) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x15;
            let _ = (read(&damaged), read(&bytes[..at]));
        }
    }
}
