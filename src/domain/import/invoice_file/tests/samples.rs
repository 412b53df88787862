//! What every sample of others must come to: taken from the files by other means than this reader, due dates and discounts by eye.

use super::super::*;

/// File, what it is and when it is due, amounts, buyer, references, means of payment.
const INVOICES: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "cii/CII-BR-CO-10-RoundingIssue.xml",
        "0 | 380 invoice | 2021-03-26 | 2021-03-26 given |",
        "EUR 0 0 0",
        "BuyerName | | PersonName | | | | B Stadt DE",
        "XXX-XXXXX-XX | | 0 |",
        "30 IBAN - -",
    ),
    (
        "cii/CII_example3.xml",
        "TOSL108 | 380 invoice | 2013-04-10 | 2013-05-10 given |",
        "DKK 112500 0 112500",
        "Buyercompany ltd | | | | | | Anytown DK",
        "| | |",
        "30 DK1212341234123412 - Payref1",
    ),
    (
        "cii/CII_example5.xml",
        "TOSL110 | 380 invoice | 2013-04-10 | 2013-05-10 given |",
        "DKK 467500 233750 233750",
        "Buyercompany ltd | DK16356607 | John Hansen | +4598989898 | john.hansen@buyercompany.dk | info@buyercompany.dk | Anytown DK",
        "qwerty | PO4711 | TOSL109 | Dagobert Duck",
        "58 DK1212341234123412 123456 Payref1; 58 A 123456 Payref1",
    ),
    (
        "cii/CII_example9.xml",
        "20150483 | 380 invoice | 2015-04-01 | 2015-04-15 given |",
        "EUR 17787 0 17787",
        "Provide Verzekeringen | | | | | | Alphen aan den Rijn NL",
        "| | |",
        "30 NL13RABO0377815500 - 2015 0483 0000 0000; 30 NL13RABO0377815500 - 2015 0483 0000 0000",
    ),
    (
        "cii/EN16931_AbweichenderZahlungsempf.cii.xml",
        "471102 | 380 invoice | 2018-03-05 | 2018-04-04 terms | 3/10",
        "EUR 52987 0 52987",
        "Kunden AG Mitte | | | | | | Frankfurt DE",
        "| | | Factoring GmbH",
        "58 DE12123456781234567890 - -",
    ),
    (
        "cii/EN16931_Einfach_DueDate.cii.xml",
        "471102 | 380 invoice | 2018-03-05 | 2019-03-05 given |",
        "EUR 52987 0 52987",
        "Kunden AG Mitte | | | | | | Frankfurt DE",
        "| | |",
        "",
    ),
    (
        "cii/EN16931_Einfach_negativePaymentDue.cii.xml",
        "471102 | 380 credit_note | 2018-03-05 | - |",
        "EUR 52987 105974 52987",
        "Kunden AG Mitte | | | | | | Frankfurt DE",
        "| | |",
        "",
    ),
    (
        "cii/EN16931_SEPA_Prenotification.cii.xml",
        "471102 | 380 invoice | 2018-03-05 | 2018-03-20 terms |",
        "EUR 52987 0 52987",
        "Kunden AG Mitte | | | | | | Frankfurt DE",
        "| | |",
        "59 - REF A-123 -",
    ),
    (
        "cii/xrechnung-01.10a.cii.xml",
        "Rechnungsnummer | 380 invoice | 2016-06-27 | 2016-07-27 terms | 2/7 1/14",
        "EUR 259420 0 259420",
        "[Buyer name] | | Ansprechpartner Käufer | | | buyer@info.de | [Buyer city] DE",
        "04011000-12350-85 | | |",
        "58 DE79000000001234567890 - -; 58 DE16000000002345678901 - -",
    ),
    (
        "cii/xrechnung-01.14a.cii.xml",
        "1234567 | 380 invoice | 2018-04-13 | 2018-04-13 given |",
        "EUR 1282969 0 1282969",
        "[Buyer name] | DE12345ABC | Tina Tester | 0800 123456 | tester@test.de | buyer@info.de | [Buyer city] DE",
        "90000000-03083-72 | 65002278 | | [Payee name]",
        "58 DE79000000001234567890 - Deb. 12345 / Fact. 9876543",
    ),
    (
        "ubl/BIS3_Invoice_negativ.XML",
        "12345 | 380 credit_note | 2019-01-25 | 2019-02-24 given |",
        "DKK 78217943 0 78217943",
        "Company B | DK87654321 | n/a | | | DK87654321 | Slemmestad DK",
        "n/a | n/a | |",
        "58 1234567891234 - 12345667890",
    ),
    (
        "ubl/BIS3_Invoice_positive.XML",
        "12345 | 380 invoice | 2019-01-25 | 2019-02-24 given |",
        "DKK 78217943 0 78217943",
        "Company B | DK87654321 | n/a | | | DK87654321 | Slemmestad DK",
        "n/a | n/a | |",
        "58 1234567891234 - 12345667890",
    ),
    (
        "ubl/guide-example1.xml",
        "12115118 | 380 invoice | 2015-01-09 | 2015-01-09 given |",
        "EUR 25033 0 25033",
        "ODIN 59 | | Dhr. J BLOKKER | | | | HEEMSKERK NL",
        "| | |",
        "31 NL57RABO0107307510 - Deb. 10202 / Fact. 12115118; 31 NL03INGB0004489902 - Deb. 10202 / Fact. 12115118",
    ),
    (
        "ubl/ubl-tc434-creditnote1.xml",
        "018304 / 28865 | 381 credit_note | 2019-09-23 | - |",
        "EUR 10011 0 10011",
        "My Customer Company | BE0000000295 | | | pete.smith@mycustomercompany.be | 0000000295 | BRUXELLES BE",
        "018304 / 28865 | | |",
        "1 BE91000000143476 - 010676609538",
    ),
    (
        "ubl/ubl-tc434-example5.xml",
        "TOSL110 | 380 invoice | 2013-04-10 | 2013-05-10 given |",
        "DKK 467500 233750 233750",
        "Buyercompany ltd | DK16356607 | John Hansen | +4598989898 | john.hansen@buyercompany.dk | info@buyercompany.dk | Anytown DK",
        "qwerty | PO4711 | TOSL109 | Dagobert Duck",
        "49 - 123456 Payref1",
    ),
    (
        "ubl/ubl-tc434-example9.xml",
        "20150483 | 380 invoice | 2015-04-01 | 2015-04-14 given |",
        "EUR 17787 0 17787",
        "Provide Verzekeringen | | | | | | Alphen aan den Rijn NL",
        "| | |",
        "30 NL13RABO0377815500 - 2015 0483 0000 0000",
    ),
    (
        "ubl/xrechnung-01.04a.ubl.xml",
        "1234/78/901 | 380 invoice | 2016-06-16 | 2016-06-30 terms |",
        "EUR 12000 0 12000",
        "[Buyer name] | | [Buyer contact person] | | | buyer@info.de | [Buyer city] DE",
        "04011000-12348-91 | | |",
        "58 DE79000000001234567890 - -",
    ),
    (
        "ubl/xrechnung-01.10a.ubl.xml",
        "Rechnungsnummer | 380 invoice | 2016-06-27 | 2016-07-27 terms | 2/7 1/14",
        "EUR 259420 0 259420",
        "[Buyer name] | | Ansprechpartner Käufer | | | buyer@info.de | [Buyer city] DE",
        "04011000-12350-85 | Dummywert | |",
        "58 DE79000000001234567890 - -; 58 DE16000000002345678901 - -",
    ),
    (
        "ubl/xrechnung-01.13a.ubl.xml",
        "Rechnungsnummer | 380 invoice | 2015-01-09 | 2015-01-24 given |",
        "EUR 634270 0 634270",
        "[Buyer name] | | | | | buyer@info.de | [Buyer city] DE",
        "04011000-12354-73 | Dummywert | |",
        "58 DE79000000001234567890 - -",
    ),
    (
        "ubl/xrechnung-01.18a.ubl.xml",
        "PRG1502112 | 384 invoice | 2015-04-24 | 2015-05-08 terms |",
        "EUR 1055530 0 1055530",
        "[Buyer name] | | | | | buyer@info.de | [Buyer city] DE",
        "99000000-18188-18 | | PRG1502168 |",
        "58 DE79000000001234567890 - -; 58 DE16000000002345678901 - -",
    ),
    (
        "ubl/xrechnung-04.02a-directdebit.ubl.xml",
        "12345 | 380 invoice | 2019-05-15 | 2019-05-29 terms |",
        "EUR 3299 0 3299",
        "[Buyer name] | | | | | buyer@info.de | [Buyer city] DE",
        "12345678-12345-83 | 123 | |",
        "59 - [Mandate reference identifier] -",
    ),
    (
        "ubl/xrechnung-minimal.ubl.xml",
        "1234567 | 380 invoice | 2018-04-13 | 2018-04-13 given |",
        "EUR 474375 0 474375",
        "[Buyer name] | | | | | rechnungseingang@test.de | [Buyer city] DE",
        "90000000-03083-72 | | |",
        "58 DE79000000001234567890 - -",
    ),
    (
        "facturx/EN16931_Einfach_DueDate.pdf",
        "471102 | 380 invoice | 2018-03-05 | 2019-03-05 given |",
        "EUR 52987 0 52987",
        "Kunden AG Mitte | | | | | | Frankfurt DE",
        "| | |",
        "",
    ),
    (
        "facturx/EN16931_SEPA_Prenotification.pdf",
        "471102 | 380 invoice | 2018-03-05 | 2018-03-20 terms |",
        "EUR 52987 0 52987",
        "Kunden AG Mitte | | | | | | Frankfurt DE",
        "| | |",
        "59 - REF A-123 -",
    ),
];

fn told(invoice: &InvoiceFile) -> [String; 5] {
    let or = |text: &Option<String>| text.clone().unwrap_or_default();
    let due = invoice.due.map_or_else(|| "-".to_owned(), |due| format!("{} {}", due.date, due.source));
    let discounts: Vec<String> = invoice.discounts.iter().map(|one| format!("{}/{}", one.percent, one.days)).collect();
    let (totals, buyer) = (invoice.totals, &invoice.buyer);
    let endpoint = buyer.endpoint.as_ref().map(|one| one.value.clone()).unwrap_or_default();
    let means = |one: &PaymentMeans| {
        let words = [&one.code, &one.account, &one.mandate, &one.remittance].map(|text| text.clone().unwrap_or_else(|| "-".to_owned()));
        words.join(" ")
    };
    let parts = [
        format!("{} | {} {} | {} | {due} | {}", invoice.number, invoice.type_code, invoice.kind, invoice.issue_date, discounts.join(" ")),
        format!("{} {} {} {}", invoice.currency, totals.gross, totals.prepaid, totals.due),
        format!(
            "{} | {} | {} | {} | {} | {endpoint} | {} {}",
            or(&buyer.name),
            or(&buyer.vat_id),
            or(&buyer.contact_name),
            or(&buyer.phone),
            or(&buyer.email),
            or(&buyer.city),
            or(&buyer.country)
        ),
        format!(
            "{} | {} | {} | {}",
            or(&invoice.buyer_reference),
            or(&invoice.order_reference),
            invoice.preceding.join(" "),
            or(&invoice.payee)
        ),
        invoice.means.iter().map(means).collect::<Vec<_>>().join("; "),
    ];
    parts.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn sample(name: &str) -> Option<Vec<u8>> {
    std::fs::read(format!("{}/../shared/samples/{name}", env!("CARGO_MANIFEST_DIR"))).ok()
}

fn files(folders: &[&str]) -> Vec<String> {
    let within = |folder: &&str| {
        let entries =
            std::fs::read_dir(format!("{}/../shared/samples/{folder}", env!("CARGO_MANIFEST_DIR"))).into_iter().flatten().flatten();
        let folder = (*folder).to_owned();
        entries.map(move |entry| format!("{folder}/{}", entry.file_name().to_string_lossy())).collect::<Vec<_>>()
    };
    folders.iter().flat_map(within).collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn every_sample_is_read_as_it_is() {
    if files(&["ubl"]).is_empty() {
        eprintln!("skipped: no ../shared");
        return;
    }
    for name in files(&["ubl", "cii", "facturx"]) {
        assert!(INVOICES.iter().any(|row| row.0 == name), "{name}: nothing says what it must come to");
    }
    for (name, what, amounts, buyer, references, means) in INVOICES {
        let read = read(&sample(name).unwrap()).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let expected = [what, amounts, buyer, references, means].map(|text| text.to_string());
        assert_eq!(told(&read), expected, "{name}");
    }
}

/// A sample with anything in it damaged is read or refused, and never more than that.
#[test]
fn damaged_samples_are_read_or_refused() {
    for name in files(&["ubl", "cii"]).into_iter().take(6) {
        let bytes = sample(&name).unwrap();
        for at in (0..bytes.len()).step_by(211) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x15;
            let _ = (read(&damaged), read(&bytes[..at]));
        }
    }
    for name in files(&["facturx"]) {
        let bytes = sample(&name).unwrap();
        for at in (0..bytes.len()).step_by(9_973) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x15;
            let _ = (read(&damaged), read(&bytes[..at]));
        }
    }
}
