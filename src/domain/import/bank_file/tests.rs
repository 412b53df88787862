//! Statements made by hand: each place in which a version puts a thing, every fault at once, and one entry in three messages.

mod samples;

use super::*;
use crate::domain::import::fuzz::foreign;

/// A message of one account with these entries.
fn camt(kind: &str, entries: &str) -> String {
    let (message, part) = match kind {
        "052" => ("BkToCstmrAcctRpt", "Rpt"),
        "053" => ("BkToCstmrStmt", "Stmt"),
        _ => ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    };
    format!(
        "<?xml version='1.0' encoding='UTF-8'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08'><{message}><GrpHdr/><{part}><Id>1</Id>\
         <CreDtTm>2026-03-31T18:00:00+02:00</CreDtTm><Acct><Id><IBAN>BE71 0961 2345 6769</IBAN></Id></Acct>{entries}</{part}></{message}></Document>"
    )
}

const PAYMENT: &str = "<Ntry><Amt Ccy='EUR'>1200.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-30</Dt></BookgDt>\
    <ValDt><Dt>2026-03-31</Dt></ValDt><AcctSvcrRef>BANK-1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>E-9</EndToEndId><TxId>T-1</TxId><MndtId>M-1</MndtId></Refs>\
    <Amt Ccy='EUR'>1200.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>Garage Dupont</Nm></Pty></Dbtr>\
    <DbtrAcct><Id><IBAN>FR7630006000011234567890189</IBAN></Id></DbtrAcct><UltmtDbtr><Nm>Garage Dupont Nord</Nm></UltmtDbtr></RltdPties>\
    <RmtInf><Ustrd>Facture</Ustrd><Ustrd>F-2026-118</Ustrd><Strd><RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>F-2026-118</Nb></RfrdDocInf>\
    <CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry><Issr>BBA</Issr></Tp><Ref>090933755493</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>";

fn only(text: &str) -> Entry {
    let mut file = read(text.as_bytes()).unwrap();
    assert_eq!(file.entries.len(), 1);
    file.entries.remove(0)
}

fn faults(text: &str) -> Vec<(String, &'static str)> {
    read(text.as_bytes()).unwrap_err().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

#[test]
fn a_payment_is_read_with_all_that_is_said_of_it() {
    let entry = only(&camt("053", PAYMENT));
    assert_eq!(
        (entry.account.as_str(), entry.amount, entry.direction, entry.status),
        ("BE71096123456769", 120_000, Direction::Credit, EntryStatus::Booked)
    );
    assert_eq!(entry.received_on().unwrap().to_string(), "2026-03-30");
    let one = &entry.transactions[0];
    assert_eq!(
        (one.end_to_end_id.as_deref(), one.transaction_id.as_deref(), one.mandate_id.as_deref()),
        (Some("E-9"), Some("T-1"), Some("M-1"))
    );
    assert_eq!((one.debtor.name.as_deref(), one.debtor.iban()), (Some("Garage Dupont"), Some("FR7630006000011234567890189")));
    assert_eq!((one.ultimate_debtor.as_deref(), one.text.as_deref()), (Some("Garage Dupont Nord"), Some("Facture F-2026-118")));
    assert_eq!(
        (one.documents.as_slice(), one.structured_references.as_slice()),
        (["F-2026-118".to_owned()].as_slice(), ["090933755493".to_owned()].as_slice())
    );
}

#[test]
fn one_entry_has_one_key_in_all_messages() {
    let as_text = PAYMENT.replace("<Cd>BOOK</Cd>", "BOOK").replace("<Dt>2026-03-30</Dt>", "<DtTm>2026-03-30T23:30:00+02:00</DtTm>");
    let total_only = PAYMENT
        .replace("<NtryDtls>", "<AddtlNtryInf>batch</AddtlNtryInf><NtryDtls><Btch><NbOfTxs>1</NbOfTxs></Btch></NtryDtls><!--")
        .replace("</TxDtls></NtryDtls>", "-->");
    let inside = PAYMENT.replace("<AcctSvcrRef>BANK-1</AcctSvcrRef>", "").replace("<Refs>", "<Refs><AcctSvcrRef>BANK-1</AcctSvcrRef>");
    let keys = [camt("052", PAYMENT), camt("053", PAYMENT), camt("054", &as_text), camt("053", &total_only), camt("054", &inside)]
        .map(|text| only(&text).key);
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
    for (from, to) in [
        ("1200.00", "1200.01"),
        ("CRDT", "DBIT"),
        ("2026-03-30", "2026-03-29"),
        ("BANK-1", "BANK-2"),
        ("<ValDt>", "<RvslInd>true</RvslInd><ValDt>"),
    ] {
        assert_ne!(only(&camt("053", &PAYMENT.replace(from, to))).key, keys[0], "{to}");
    }
}

#[test]
fn twins_are_told_apart_the_same_way_in_every_file() {
    let bare = PAYMENT.replace("<AcctSvcrRef>BANK-1</AcctSvcrRef>", "");
    let keys = |kind: &str, count: usize| -> Vec<String> {
        read(camt(kind, &bare.repeat(count)).as_bytes()).unwrap().entries.into_iter().map(|entry| entry.key).collect()
    };
    let (today, statement) = (keys("052", 1), keys("053", 3));
    assert_eq!(today[0], statement[0]);
    assert_eq!([&statement[1], &statement[2]], [&format!("{}-2", today[0]), &format!("{}-3", today[0])]);
    let other = PAYMENT.replace("<AcctSvcrRef>BANK-1</AcctSvcrRef>", "").replace("E-9", "E-10");
    assert_ne!(only(&camt("053", &other)).key, today[0], "without the bank's reference, the payer's tells them apart");
}

#[test]
fn only_what_is_booked_counts() {
    for (kind, status, expected) in [
        ("053", "<Sts>BOOK</Sts>", EntryStatus::Booked),
        ("053", "", EntryStatus::Booked),
        ("054", "", EntryStatus::Booked),
        ("052", "", EntryStatus::Pending),
        ("052", "<Sts><Cd>PDNG</Cd></Sts>", EntryStatus::Pending),
        ("052", "<Sts><Cd>BOOK</Cd></Sts>", EntryStatus::Booked),
        ("054", "<Sts>INFO</Sts>", EntryStatus::Information),
        ("053", "<Sts><Prtry>OURS</Prtry></Sts>", EntryStatus::Information),
    ] {
        let file = read(camt(kind, &PAYMENT.replace("<Sts><Cd>BOOK</Cd></Sts>", status)).as_bytes()).unwrap();
        assert_eq!(
            (file.entries[0].status, file.booked().count()),
            (expected, usize::from(expected == EntryStatus::Booked)),
            "{kind} {status}"
        );
    }
}

#[test]
fn batches_keep_their_parts_or_say_that_they_have_none() {
    let part = |amount: &str, way: &str| format!("<TxDtls><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd></TxDtls>");
    let batch = |count: u32, parts: &str| {
        format!(
            "<Ntry><Amt Ccy='EUR'>70</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><NtryDtls><Btch><NbOfTxs>{count}</NbOfTxs></Btch>{parts}</NtryDtls></Ntry>"
        )
    };
    let both = only(&camt("053", &batch(2, &(part("100", "CRDT") + &part("30.00", "DBIT")))));
    assert_eq!((both.listed_sum(), both.is_total_only(), both.transactions[1].direction), (Some(7_000), false, Direction::Debit));
    let total = only(&camt("053", &batch(6, &part("70.00000", "CRDT"))));
    assert!(total.is_total_only() && only(&camt("053", &batch(6, ""))).is_total_only());
    assert_eq!(total.told_on.unwrap().to_string(), "2026-03-31");
    let foreign = PAYMENT.replace(
        "<Amt Ccy='EUR'>1200.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties>",
        "<AmtDtls><TxAmt><Amt Ccy='USD'>1300</Amt></TxAmt></AmtDtls><RltdPties>",
    );
    assert_eq!(only(&camt("053", &foreign)).transactions[0].amount, Some(120_000), "what came is the entry's amount");
}

#[test]
fn a_returned_debit_says_why() {
    let back = PAYMENT
        .replace("CRDT", "DBIT")
        .replace("<Sts>", "<RvslInd>true</RvslInd><Sts>")
        .replace("</RmtInf>", "</RmtInf><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>");
    let entry = only(&camt("053", &back));
    assert_eq!((entry.direction, entry.reversal, entry.transactions[0].return_reason.as_deref()), (Direction::Debit, true, Some("AC04")));
}

#[test]
fn full_pieces_go_on_without_a_space() {
    let first = format!("{}F-2026-1", "x".repeat(132));
    let words = PAYMENT.replace(
        "<Ustrd>Facture</Ustrd><Ustrd>F-2026-118</Ustrd>",
        &format!("<Ustrd>{first}</Ustrd><Ustrd>18 merci</Ustrd><Ustrd>NOTPROVIDED</Ustrd>"),
    );
    let text = only(&camt("053", &words)).transactions[0].text.clone().unwrap();
    assert!(text.ends_with("xF-2026-118 merci"), "{text}");
}

#[test]
fn every_fault_is_told_at_once() {
    let wrong = PAYMENT
        .replace("<Amt Ccy='EUR'>1200.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<Amt>1200</Amt><CdtDbtInd>IN</CdtDbtInd><Sts>")
        .replace("2026-03-31", "2026-02-30");
    let wrong = camt("053", &(PAYMENT.to_owned() + &wrong + &PAYMENT.replace("1200.00", "-5")));
    let place = |rest: &str| format!("/Document/BkToCstmrStmt/Stmt[1]/{rest}");
    let expected = [
        ("Ntry[2]/Amt/@Ccy", "required"),
        ("Ntry[2]/CdtDbtInd", "wrong_format"),
        ("Ntry[2]/ValDt/Dt", "wrong_format"),
        ("Ntry[3]/Amt", "out_of_range"),
    ];
    assert_eq!(faults(&wrong), expected.map(|(rest, code)| (place(rest), code)));
    assert_eq!(faults(&camt("053", PAYMENT).replace("<IBAN>BE71 0961 2345 6769</IBAN>", "")), [(place("Acct/Id"), "required")]);
    assert_eq!(faults("<Document><CstmrCdtTrfInitn/></Document>"), [("/Document/CstmrCdtTrfInitn".to_owned(), "wrong_type")]);
    for (text, code) in [("", "required"), ("hello", "wrong_type"), ("<!DOCTYPE a><Document/>", "doctype"), (":20:A\n:61:x", "wrong_type")]
    {
        assert_eq!(faults(text)[0].1, code, "{text}");
    }
    let lines =
        ":20:A\n:25:B\n:60F:C260301XXX0,\n:61:260302C5,NTRFX\n:60F:C260301EUR0,\n:61:260431C5,NTRFX\n:61:260430C5,005NTRFX\n:25:B\n";
    let expected = [
        ("/line/3", "wrong_format"),
        ("/line/4", "required"),
        ("/line/6", "wrong_format"),
        ("/line/7", "wrong_format"),
        ("/line/8", "repeated"),
    ];
    assert_eq!(faults(lines), expected.map(|(place, code)| (place.to_owned(), code)));
}

#[test]
fn old_encodings_are_read() {
    let latin: Vec<u8> = ":20:A\n:25:B\n:60F:C260301EUR0,\n:61:260302C5,NTRFX\n:86:M\u{fc}ller\n"
        .chars()
        .map(|one| u8::try_from(u32::from(one)).unwrap())
        .collect();
    assert_eq!(read(&latin).unwrap().entries[0].transactions[0].text.as_deref(), Some("Müller"));
    let wide: Vec<u8> =
        format!("\u{feff}{}", camt("053", PAYMENT).replace("UTF-8", "UTF-16")).encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(read(&wide).unwrap().entries.len(), 1);
}

#[test]
fn any_bytes_are_a_statement_or_a_fault() {
    let whole = camt("053", PAYMENT);
    let pieces: Vec<String> = whole.split_inclusive('>').map(str::to_owned).collect();
    let tags = "(:20:|:25:|:60F:|:61:|:86:|:62F:|-|\n|C|D|RC|R|[0-9]{1,6}|,|NTRF|//|\\?20|\\?|EREF\\+|SVWZ\\+|/REMI/|/EREF/|é|EUR| ){0,60}";
    let chosen = proptest::collection::vec(0..pieces.len(), 0..60);
    let noise = proptest::collection::vec(proptest::num::u8::ANY, 0..200);
    foreign((0_usize..2000, 0_usize..60, "\\PC{0,12}", chosen, tags, noise), |(at, length, with, chosen, tags, noise)| {
        let mut bytes = whole.clone().into_bytes();
        let at = at.min(bytes.len());
        bytes.splice(at..(at + length).min(whole.len()), with.bytes());
        let shuffled: String = chosen.iter().map(|n| pieces[*n].as_str()).collect();
        let swift = format!(":20:A\n:25:B\n:60F:C260301EUR0,\n:61:260302C5,NTRFX\n:86:{tags}");
        let _ = (read(&bytes), read(shuffled.as_bytes()), read(swift.as_bytes()), read(tags.as_bytes()), read(&noise));
    });
}
