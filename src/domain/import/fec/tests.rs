//! Files made by hand: a year of one creditor in every spelling that the law and its programs know.

use super::*;
use crate::domain::import::fuzz::foreign;

const HEAD: &str = "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise";
const ROWS: &str = "\
AN|A nouveaux|1|20260101|41100000|Clients|C001|Garage Dupont|F-2025-90|20251215|Report|500,00|0,00|||20260101||
VE|Ventes|2|20260301|41100000|Clients|C001|Garage Dupont|F-2026-118|20260301|Facture|1200,00|0,00|AA|20260330|20260301||
VE|Ventes|2|20260301|70600000|Prestations|||F-2026-118|20260301|Facture|0,00|1000,00|||20260301||
VE|Ventes|2|20260301|44571000|TVA|||F-2026-118|20260301|Facture|0,00|200,00|||20260301||
BQ|Banque|3|20260330|51200000|Banque|||VIR|20260330|Virement|1200,00|0,00|||20260330||
BQ|Banque|3|20260330|41100000|Clients|C001|Garage Dupont|VIR|20260330|Virement|0,00|1200,00|AA|20260330|20260330||
VE|Ventes|4|20260302|41100000|Clients|C002|Été & fils|F-2026-119|20260302|Facture|240,00||AB||20260302|260,00|USD
VE|Ventes|4|20260302|70600000|Prestations|||F-2026-119|20260302|Facture||240,00|||20260302||
VE|Ventes|5|20260310|41100000|Clients|C002|Été & fils|A-7|20260310|Avoir||40,00|AB||20260310||
VE|Ventes|5|20260310|70900000|Rabais|||A-7|20260310|Avoir|40,00||||20260310||
BQ|Banque|6|20260312|41100000|Clients|C002|Été & fils|REJ|20260312|Rejet|10,00||||20260312||
BQ|Banque|6|20260312|51200000|Banque|||REJ|20260312|Rejet||10,00|||20260312||
OD|Divers|7|20260331|41600000|Clients douteux|C003|Perdu SARL|OD-1|20260331|Reclassement|90,00||||20260331||
OD|Divers|7|20260331|41100000|Clients|C003|Perdu SARL|OD-1|20260331|Reclassement||90,00|||20260331||
";

fn file() -> String {
    format!("{HEAD}\n{ROWS}")
}

fn told(fec: &Fec) -> Vec<String> {
    let side = |line: &FecLine| if line.debit { "D" } else { "C" };
    fec.lines
        .iter()
        .map(|line| format!("{} {} {} {} {}{}", line.customer, line.kind, line.document, line.document_date, side(line), line.amount))
        .collect()
}

#[test]
fn each_line_of_a_customer_is_what_it_stands_against() {
    let fec = read(file().as_bytes()).unwrap();
    let expected = [
        "C001 invoice F-2025-90 2025-12-15 D50000",
        "C001 invoice F-2026-118 2026-03-01 D120000",
        "C001 payment VIR 2026-03-30 C120000",
        "C002 invoice F-2026-119 2026-03-02 D24000",
        "C002 credit_note A-7 2026-03-10 C4000",
        "C002 refund REJ 2026-03-12 D1000",
        "C003 other OD-1 2026-03-31 D9000",
        "C003 other OD-1 2026-03-31 C9000",
    ];
    assert_eq!(told(&fec), expected);
    let customers: Vec<(&str, &str, bool, i64)> =
        fec.customers.iter().map(|one| (one.number.as_str(), one.name.as_str(), one.doubtful, one.balance)).collect();
    assert_eq!(
        customers,
        [("C001", "Garage Dupont", false, 50_000), ("C002", "Été & fils", false, 21_000), ("C003", "Perdu SARL", true, 0)]
    );
}

#[test]
fn letters_settle_only_what_comes_to_nothing() {
    let fec = read(file().as_bytes()).unwrap();
    let open: Vec<&str> = fec.open_invoices().map(|line| line.document.as_str()).collect();
    assert_eq!(open, ["F-2025-90", "F-2026-119"], "AA comes to nothing, AB is in part");
    assert_eq!(fec.lines[3].foreign, Some(Money::new(26_000, "USD".parse().unwrap())));
    assert_eq!((fec.lines[1].letters.as_deref(), fec.lines[1].settled, fec.lines[3].settled), (Some("AA"), true, false));
}

#[test]
fn every_spelling_is_the_same_file() {
    let expected = read(file().as_bytes()).unwrap();
    for separator in ["\t", ";", ","] {
        let quoted = |line: &str| {
            line.split('|')
                .map(|cell| if cell.contains(separator) { format!("\"{cell}\"") } else { cell.to_owned() })
                .collect::<Vec<_>>()
                .join(separator)
        };
        let text: String = file().lines().map(|line| quoted(line) + "\r\n").collect();
        assert_eq!(read(text.as_bytes()).unwrap(), expected, "{separator:?}");
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()).unwrap(), expected, "with a mark");
    }
    let latin: Vec<u8> = file().chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect();
    assert_eq!(read(&latin).unwrap(), expected, "ISO-8859-15");
    let signed = file().replace("|Debit|Credit|", "|Montant|Sens|").replace("|500,00|0,00|", "|500,00|D|");
    assert_eq!(read(signed.as_bytes()).unwrap_err().0[0].pointer, "/line/3/Sens");
    let lower = format!("{}\n{ROWS}", HEAD.to_lowercase());
    assert_eq!(read(lower.as_bytes()).unwrap(), expected, "names of columns have no case");
}

#[test]
fn amounts_may_come_with_a_sign_column() {
    let text = "JournalCode;EcritureNum;EcritureDate;CompteNum;PieceRef;PieceDate;EcritureLib;Montant;Sens\nVE;1;20260301;411DUPONT;F-1;20260301;x;1 234.50;D\nVE;1;20260301;706;F-1;20260301;x;1234,50;C\nBQ;2;20260302;411DUPONT;V;;x;34,5;C\nBQ;2;20260302;512;V;;x;34,5;D\n";
    let fec = read(text.as_bytes()).unwrap();
    assert_eq!(told(&fec), ["411DUPONT invoice F-1 2026-03-01 D123450", "411DUPONT payment V 2026-03-02 C3450"]);
    assert_eq!((fec.customers[0].name.as_str(), fec.customers[0].balance), ("411DUPONT", 120_000));
}

#[test]
fn every_cell_that_cannot_be_read_is_named() {
    let wrong = file()
        .replace("|20251215|", "|20260230|")
        .replace("|Report|500,00|", "|Report|5OO,00|")
        .replace("|260,00|USD", "|260,00|DOLLAR")
        .replace("|Avoir||40,00|AB||", "|Avoir||40,001|AB||");
    let found: Vec<(String, &str)> = read(wrong.as_bytes()).unwrap_err().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect();
    let expected = ["/line/2/PieceDate", "/line/2/Debit", "/line/8/Idevise", "/line/10/Credit"];
    assert_eq!(found, expected.map(|place| (place.to_owned(), "wrong_format")));
    let missing = read(file().replace("CompteNum", "Compte").replace("PieceDate", "Date").as_bytes()).unwrap_err();
    assert_eq!(missing.0.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/line/1/CompteNum", "/line/1/PieceDate"]);
    for (text, code) in [("", "required"), ("a;b;c\n1;2;3", "wrong_type"), ("%PDF-1.7", "wrong_type")] {
        assert_eq!(read(text.as_bytes()).unwrap_err().0[0].code, code, "{text}");
    }
    assert_eq!(read(format!("{HEAD}\nVE|x\n").as_bytes()).unwrap_err().0[0].pointer, "/line/2");
}

#[test]
fn faults_stop_at_a_hundred() {
    let rows = "VE|V|2|x|411|C|C1|N|F|x|F|z|0||||| \n".repeat(5_000);
    assert_eq!(read(format!("{HEAD}\n{rows}").as_bytes()).unwrap_err().0.len(), 100);
}

#[test]
fn any_bytes_are_read_or_refused() {
    let cells = "(411|416|7|512|\\||;|\t|,|\"|\n|[0-9]{1,8}|é|-){0,80}";
    foreign((proptest::collection::vec(proptest::num::u8::ANY, 0..200), cells), |(bytes, cells)| {
        let _ = (read(&bytes), read(cells.as_bytes()), read(format!("{HEAD}\n{cells}").as_bytes()));
        let others = cells.chars().cycle().chain(std::iter::repeat('x'));
        let damaged: String = ROWS.chars().zip(others).map(|(one, other)| if other == '4' { other } else { one }).collect();
        let _ = read(format!("{HEAD}\n{damaged}").as_bytes());
    });
}
