//! What every sample of others must come to: taken from the files by other means than this reader, words by eye.

use super::super::*;

/// Of an entry: its place in the file, itself, its first transactions.
type Line = (usize, &'static str, &'static [&'static str]);

/// File, what it comes to as a whole, and entries of it.
const READ: &[(&str, &str, &[Line])] = &[
    (
        "camt/genkgo-camt053.v2.all-balance-types.xml",
        "camt.053 1 entries, 1 booked, credit 885, debit 0, 1 transactions",
        &[(
            0,
            "CH2801234000123456789 EUR 885 credit booked 2014-12-31 2015-01-02 - -",
            &["885 credit | 000000001 | | | | Company Name NL56AGDH9619008421 | | Transaction Description"],
        )],
    ),
    (
        "camt/genkgo-camt053.v2.five.decimals.xml",
        "camt.053 1 entries, 1 booked, credit 885, debit 0, 1 transactions",
        &[(
            0,
            "NL26VAYB8060476890 EUR 885 credit booked 2014-12-31 2015-01-02 - -",
            &["885 credit | 000000001 | | | | Company Name NL56AGDH9619008421 | | Transaction Description"],
        )],
    ),
    (
        "camt/genkgo-camt053.v2.minimal.xml",
        "camt.053 1 entries, 1 booked, credit 885, debit 0, 1 transactions",
        &[(
            0,
            "NL26VAYB8060476890 EUR 885 credit booked 2014-12-31 2015-01-02 - -",
            &["885 credit | | | | NAME NAME NL56AGDH9619008421 | Company Name NL56AGDH9619008421 | 4654654654654654 |"],
        )],
    ),
    (
        "camt/genkgo-camt053.v2.multi.statement.xml",
        "camt.053 2 entries, 2 booked, credit 885, debit 700, 2 transactions",
        &[
            (
                0,
                "NL26VAYB8060476890 EUR 885 credit booked 2014-12-31 2015-01-02 - -",
                &["885 credit | 000000001 | | | | Company Name 1 NL56AGDH9619008421 | | Transaction Description 1"],
            ),
            (
                1,
                "NL26VAYB8060476890 EUR 700 debit booked 2014-12-31 2015-01-02 - -",
                &["700 debit | 000000002 | | | | Company Name 2 NL56AGDH9619008421 | | Transaction Description 2"],
            ),
        ],
    ),
    (
        "camt/genkgo-camt053.v4.xml",
        "camt.053 1 entries, 1 booked, credit 885, debit 0, 1 transactions",
        &[(
            0,
            "NL26VAYB8060476890 EUR 885 credit booked 2014-12-31 2015-01-02 AAAASESS-FP-CN_98765/01 -",
            &["885 credit | | | | NAME NAME NL56AGDH9619008421 | Company Name NL56AGDH9619008421 | 4654654654654654 |"],
        )],
    ),
    (
        "camt/genkgo-camt053.v8.xml",
        "camt.053 1 entries, 1 booked, credit 885, debit 0, 1 transactions",
        &[(
            0,
            "NL26VAYB8060476890 EUR 885 credit booked 2014-12-31 2015-01-02 AAAASESS-FP-CN_98765/01 -",
            &["885 credit | MUELL/FINP/RA12345 | | | NAME NAME NL56AGDH9619008421 | Company Name NL56AGDH9619008421 | 4654654654654654 |"],
        )],
    ),
    (
        "camt/genkgo-camt054.v2.xml",
        "camt.054 1 entries, 1 booked, credit 0, debit 20000000, 3 transactions",
        &[(
            0,
            "CH2801234000123456789 SEK 20000000 debit booked 2007-10-18 2007-10-18 AAAASESS-FP-ACCR001 -",
            &[
                "- debit | MUELL/FINP/RA12345 | | | MUELLER | | ISR ref number V1 | Unstructured Remittance Information V1 Additional Remittance Information V1",
                "- debit | MUELL/FINP/RA12345 | | | MUELLER | | ISR ref number V2 | Additional Remittance Information V2",
                "- debit | MUELL/FINP/RA12345 | | | MUELLER | | Ref number V3 block 1 Ref number V3 block 2 | Unstructured Remittance Information V3 block 1 Unstructured Remittance Information V3 block 2 Additional Remittance Information V3 block 1 Additional Remittance Information V3 block 2",
            ],
        )],
    ),
    (
        "camt/genkgo-camt054.v8-with-UETR.xml",
        "camt.054 1 entries, 1 booked, credit 0, debit 20000000, 1 transactions",
        &[(
            0,
            "CH2801234000123456789 SEK 20000000 debit booked - - - -",
            &["20000000 debit | | | 255ae394-9965-4438-ac86-f406feada396 | | | |"],
        )],
    ),
    (
        "camt/genkgo-camt054.v8.xml",
        "camt.054 1 entries, 1 booked, credit 0, debit 20000000, 3 transactions",
        &[(
            0,
            "CH2801234000123456789 SEK 20000000 debit booked 2007-10-18 2007-10-18 ACSR160617103200001 2",
            &[
                "310 CHF credit | UXC06170000006PI00001EE00001 | | | UNIFITS GmbH CH2801234000123456789 | Example Creditor 3 - V1 CH4112345003131313131 | ISR ref number V1 | Unstructured Remittance Information V1 Additional Remittance Information V1",
                "320 CHF credit | UXC06170000006PI00001EE00002 | | | UNIFITS GmbH CH2801234000123456789 | Example Creditor 3 - V2 CH7212345003232323232 | ISR ref number V2 | Additional Remittance Information V2",
                "320 CHF credit | UXC06170000006PI00001EE00002 | | | UNIFITS GmbH CH2801234000123456789 | Example Creditor 3 - V3 CH7212345003232323232 | Ref number V3 block 1 Ref number V3 block 2 | Unstructured Remittance Information V3 block 1 Unstructured Remittance Information V3 block 2 Additional Remittance Information V3 block 1 Additional Remittance Information V3 block 2",
            ],
        )],
    ),
    (
        "camt/subite-054.v10-one-entry-many-tx.xml",
        "camt.054 1 entries, 0 booked, credit 0, debit 19467225, 41 transactions",
        &[(
            0,
            "LT809872649478701594 EUR 19467225 debit information - - - -",
            &["1000 credit | | 285143 | | | | |", "92076 debit | | 748046 | | | | |"],
        )],
    ),
    (
        "camt/subite-BE-month-264-entries.053.v2.xml",
        "camt.053 264 entries, 264 booked, credit 10040000, debit 14597401, 264 transactions",
        &[
            (
                0,
                "BE68793230773034 EUR 750 debit booked 2024-12-30 - - -",
                &[
                    "750 debit | E2ETNFCXQJX16566916 | 640964 | | Vertex Ltd BE68793230773034 | Nova Holdings BE96444908270905 | | Settlement SKRTEX9280",
                ],
            ),
            (
                14,
                "BE68793230773034 EUR 40000 credit booked 2024-12-23 - - -",
                &[
                    "40000 credit | E2ECHOSMQNR27562927 | 317129 | | Theta Ltd BE53822485014653 | Delta Services BE68793230773034 | | Payment for invoice AAYSTF7491",
                ],
            ),
            (
                66,
                "BE68793230773034 EUR 5000000 credit booked 2024-12-20 - - -",
                &[
                    "5000000 credit | E2EMVOWUOEM37785696 | 505410 | | Stellar Ltd BE91516952884376 | Vertex Ltd BE68793230773034 | | Transfer ref HBAVHC9717",
                ],
            ),
            (
                146,
                "BE68793230773034 EUR 5000000 credit booked 2024-12-13 - - -",
                &[
                    "5000000 credit | E2EKOKJKSQX64689168 | 479302 | | Stellar Ltd BE91516952884376 | Vertex Ltd BE68793230773034 | | Transfer ref HBAVHC9717",
                ],
            ),
        ],
    ),
    (
        "camt/subite-account_statement.053.v2.xml",
        "camt.053 3 entries, 3 booked, credit 78990440, debit 78990440, 3 transactions",
        &[
            (
                0,
                "BE86463768548050 EUR 78990341 debit booked 2024-05-23 - - -",
                &[
                    "78990341 debit | E2EXRUHYXKX58020423 | 390176 | | Sigma Solutions BE86463768548050 | Sigma Solutions FR9124517777178627245130470 | |",
                ],
            ),
            (
                1,
                "BE86463768548050 EUR 99 debit booked 2024-05-23 - - -",
                &["99 debit | E2EPPXJNWYI50546873 | 326515 | | Sigma Solutions BE86463768548050 | Nova Ltd BE40933730571463 | |"],
            ),
            (
                2,
                "BE86463768548050 EUR 78990440 credit booked 2024-05-23 - - -",
                &["78990440 credit | E2EAIQSQMYP21018099 | 618674 | | Theta Solutions BE40933730571463 | Omega GmbH BE86463768548050 | |"],
            ),
        ],
    ),
    (
        "camt/subite-daily-2024-03-14.053.v8.xml",
        "camt.053 14 entries, 14 booked, credit 92830549, debit 408474816, 14 transactions",
        &[
            (0, "LT625883379695428516 EUR 3684700 debit booked - - REF000000663800 6", &["3684700 debit | | | | | | |"]),
            (1, "LT625883379695428516 EUR 1178700 credit booked - - REF000000686020 2", &["1178700 credit | | | | | | |"]),
            (3, "LT625883379695428516 EUR 91649765 credit booked - - REF000000725239 82", &["91649765 credit | | | | | | |"]),
            (9, "LT625883379695428516 EUR 1300 credit booked - - REF000000844080 1", &["1300 credit | | | | | | |"]),
            (12, "LT625883379695428516 EUR 784 credit booked - - REF000000905284 2", &["784 credit | | | | | | |"]),
        ],
    ),
    (
        "mt940/betterplace-sepa_snippet.sta",
        "mt940 11 entries, 11 booked, credit 143074572, debit 357406911, 11 transactions",
        &[
            (
                0,
                "50880050/0194787400888 EUR 5099005 credit booked 2007-09-04 2007-09-07 0724710333343453 -",
                &[
                    "5099005 credit | EndToEndId TFNR 22 004 00001 | | | KARL KAUFMANN DE14508800500194785000 | | | Verw CTSc-01 BC-PPP TFNr 22 004",
                ],
            ),
            (
                1,
                "50880050/0194787400888 EUR 15455193 credit booked 2007-09-04 2007-09-07 0724710324647450 -",
                &[
                    "15455193 credit | TFNR 0300300004 | | | Quentin Quast DE03508800500194791600 | | | Strukturierter Verwendungszweck 30030004 DE",
                ],
            ),
            (3, "50880050/0194787400888 EUR 150000 debit booked 2007-09-04 2007-09-04 536D80EFEC56ACF8 -", &["150000 debit | | | | | | |"]),
            (
                4,
                "50880050/0194791600888 EUR 8 debit booked 2007-09-04 2007-09-04 0724710345316116 -",
                &[
                    "8 debit | TFNR 40001 00005 MTLG:Grund nicht spezifiziert Reject aus SEPA-Ueberweisungsauftrag | TFNr 40001 MSGID | | | | |",
                ],
            ),
            (
                10,
                "50880050/0194791600888 EUR 357256903 debit booked 2007-09-04 2007-09-04 - -",
                &["357256903 debit | | | | | | | 0904059001"],
            ),
        ],
    ),
    (
        "mt940/betterplace-with_binary_character.sta",
        "mt940 4 entries, 4 booked, credit 1421530, debit 19328205, 4 transactions",
        &[
            (
                0,
                "51230800/0000007055 EUR 2700 credit booked 2010-03-19 2010-03-19 32-P1-TCS49518 -",
                &[
                    "2700 credit | | 100323-03-100323 | | PAYPAL 0175526300 | | | QQW53T2245ZGY46J ABBUCHUNG VOM PAYPAL-KONTO 100318P3TX1433EV",
                ],
            ),
            (
                1,
                "51230800/0000007055 EUR 1306830 credit booked 2010-03-19 2010-03-19 - -",
                &["1306830 credit | | | | WIRECARD BANK AG 9990437808 | | | BETTERPLACE WDB E 08.03.10-14.03.10"],
            ),
            (
                3,
                "51230800/0000007304 EUR 112000 credit booked 2010-03-19 2010-03-22 - -",
                &["112000 credit | | | | | | | Belegloser Zahlungsauftrag Überweisung:19.03.2010 Anzahl Posten : 7 Anw-Nr.: 69725663086"],
            ),
        ],
    ),
    (
        "mt940/jejik-ing.sta",
        "mt940 7 entries, 7 booked, credit 468, debit 5027, 7 transactions",
        &[
            (
                0,
                "0001234567 EUR 2503 debit booked 2010-07-22 2010-07-22 - -",
                &[
                    "2503 debit | | | | | | | RC AFREKENING BETALINGSVERKEER BETREFT REKENING 4715589 PERIODE: 01-10-2010 / 31-12-2010 ING Bank N.V. tarifering ING",
                ],
            ),
            (
                2,
                "0001234567 EUR 111 debit booked 2010-07-22 2010-07-22 - -",
                &[
                    "111 debit | | TMG TANGO | | | | | 0111111111 ING iDEAL KN: TMG TANGO TRANSACTIENR 0050000534527978 10-06-2010 15:32 TMG TANGO ING Bank inzake GPKyoto",
                ],
            ),
            (
                6,
                "0001234567 EUR 100 credit booked 2010-07-23 2010-07-23 - -",
                &["100 credit | | | | | | | 0111111111 Hr S Marechal ROSMALEN Hr S Marechal ROSMALEN Betaling transactiedatum: 22-07-2010"],
            ),
        ],
    ),
    (
        "mt940/jejik-rabobank-iban.sta",
        "mt940 4 entries, 4 booked, credit 0, debit 7000, 4 transactions",
        &[
            (
                0,
                "NL71RABO0123456789 EUR 2500 debit booked 2013-01-01 2013-01-01 - -",
                // What stands beneath, NL70ABNA0987654321, is made up: its check digits do not agree, so that it is no account.
                &["2500 debit | 01-01-2013 12:00 0030000987654321 | | | | CONTRA ACCOUNT HOLDER | |"],
            ),
            (
                3,
                "NL71RABO0123456789 EUR 1000 debit booked 2013-01-09 2013-01-09 - -",
                &["1000 debit | | | | | JOHN DOE | | Reference 201301234"],
            ),
        ],
    ),
    (
        "mt940/self-provided-details_60-63.sta",
        "mt940 1 entries, 1 booked, credit 0, debit 23315, 1 transactions",
        &[(
            0,
            "12345678/1020304050 EUR 23315 debit booked 2017-09-14 2017-09-14 - -",
            &[
                "23315 debit | 123/123/12345-----L110 | | | | Finanzamt Muenchen Abteilung Erhebung DE99700500000000012345 | | 000000012345 BIC: BYLADEMM ABWA: Finanzamt Muenchen",
            ],
        )],
    ),
    (
        "mt940/self-provided-february_30.sta",
        "mt940 1 entries, 1 booked, credit 0, debit 600, 1 transactions",
        &[(0, "12345678/1020304050 EUR 600 debit booked 2016-03-01 2016-02-29 - -", &["600 debit | | | | | | | Pauschalen"])],
    ),
    (
        "mt940/self-provided-multiline.sta",
        "mt940 2 entries, 2 booked, credit 11900, debit 500, 2 transactions",
        &[
            (
                0,
                "BILLLULLXXX/\"NUMERODECOMPTEIBAN2\" EUR 500 debit booked 2004-08-04 2004-08-04 MUL0408041114005 -",
                &[
                    "500 debit | | REFERENCE DO 111 | | | NOM DU DO / BENEFICIAIRE 11NOM DU DO / BENEFICIAIRE 22 NUMERODECOMPTEIBAN234567890123 | | LIGNE111111111111111111111X12345678 LIGNE222222222222222222222X12345678 LIGNE333333333333333333333X12345678 LIGNE444444444444444444444X12345678 LIGNE555555555555555555555X12345678 /CHGS/EUR0,5/ LIGNE777777777777777777777X12345678 LIGNE888888888888888888888X12345678 LIGNE999999999999999999999X12345678 LIGNE101010101010101010101X12345678 NOM ET ADRESSE DO / BENEF 112345678 NOM ET ADRESSE DO / BENEF 212345678 NOM ET ADRESSE DO / BENEF 312345678 NOM ET ADRESSE DO / BENEF 412345678",
                ],
            ),
            (
                1,
                "BILLLULLXXX/\"NUMERODECOMPTEIBAN2\" EUR 11900 credit booked 2022-12-20 2022-12-19 O/341241774 -",
                &["11900 credit | | 341241773/1XXXXX | | | | |"],
            ),
        ],
    ),
];

/// File, and where and why it is refused.
const REFUSED: &[(&str, &str, &str)] = &[
    ("camt/genkgo-camt053.v2.wrong.xml", "/Document/BkToCstmrStmt/Stmt", "required"),
    ("mt940/betterplace-sepa_snippet_broken.sta", "/line/6", "repeated"),
];

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
        let known = READ.iter().any(|row| row.0 == name) || REFUSED.iter().any(|row| row.0 == name);
        assert!(known, "{name}: nothing says what it must come to");
    }
    for (name, expected, lines) in READ {
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
