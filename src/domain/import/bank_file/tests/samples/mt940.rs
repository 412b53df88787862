//! What the MT940 files come to.

use super::File;

/// File, what it comes to as a whole, and entries of it.
pub(super) const MT940: &[File] = &[
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
