//! What the CAMT files come to.

use super::File;

/// File, what it comes to as a whole, and entries of it.
pub(super) const CAMT: &[File] = &[
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
];
