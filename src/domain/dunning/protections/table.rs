//! The rows: place, name, demand, source. `[read]` marks a text of the law or of a public body that was read, `[reported]` a secondary source, `[recalled]`
//! what should be confirmed.

use crate::domain::{calendar::week::Weekdays, contact::Channel};

use super::{
    Demand::{Amounts, Cap, Free, Heed, Hours, NoHolidays, Pause, Says, Term, Unsaid, Wait, WrittenFirst},
    Protection,
};

/// Words that are said to no consumer anywhere: they threaten with what a creditor cannot do, or with shame.
const THREATS: &[&str] = &[
    "be arrested",
    "prison",
    "gefängnis",
    "gevangenis",
    "your employer",
    "votre employeur",
    "ihren arbeitgeber",
    "uw werkgever",
    "your neighbours",
    "vos voisins",
    "ihre nachbarn",
    "uw buren",
    "publish your name",
    "publier votre nom",
];

/// Words that suggest proceedings.
const PROCEEDINGS: &[&str] = &[
    "legal proceedings",
    "legal action",
    "court action",
    "to court",
    "the court",
    "competent court",
    "lawsuit",
    "sue you",
    "bailiff",
    "enforcement officer",
    "juridiction",
    "tribunal",
    "poursuites",
    "huissier",
    "commissaire de justice",
    "gerichtlich",
    "vor gericht",
    "zuständige gericht",
    "gerichtsvollzieher",
    "rechtliche schritte",
    "rechtbank",
    "de rechter",
    "gerechtsdeurwaarder",
];

/// Every row; those without a place first.
pub const TABLE: &[Protection] = &[
    Protection {
        place: "",
        name: "consumer.contact_hours",
        demand: Hours { channel: None, weekdays: Weekdays::MONDAY_TO_SATURDAY, start: 8, end: 20 },
        source: "no statute for all countries: the strictest hours found (Quebec) where a place has none of its own",
    },
    Protection {
        place: "",
        name: "consumer.holidays",
        demand: NoHolidays,
        source: "no statute for all countries: as in Quebec and Ontario",
    },
    Protection {
        place: "",
        name: "consumer.contact_cap",
        demand: Cap { contacts: 3, days: 7 },
        source: "no statute for all countries: the strictest frequency found (Ontario) where a place has none of its own",
    },
    Protection {
        place: "",
        name: "consumer.first_reminder_free",
        demand: Free { electronic: 1, posted: 3 },
        source: "no statute for all countries: a debtor is in default when the reminder has arrived",
    },
    Protection {
        place: "",
        name: "consumer.no_threats",
        demand: Unsaid(THREATS),
        source: "Administration of Justice Act 1970, s. 40; CQLR c. R-2.2, s. 34 [reported]",
    },
    Protection {
        // 14 calendar days that begin on the day after electronic sending, or on the third working day after posting.
        place: "BE",
        name: "be.first_reminder_free",
        demand: Free { electronic: 15, posted: 21 },
        source: "Code de droit économique, art. XIX.2 [reported]",
    },
    Protection {
        place: "BE",
        name: "be.first_reminder_wait",
        demand: Wait { electronic: 15, posted: 21 },
        source: "Code de droit économique, art. XIX.2 [reported]",
    },
    Protection {
        place: "BE", name: "be.term_named", demand: Term { days: 14 }, source: "Code de droit économique, art. XIX.2 [reported]"
    },
    Protection {
        place: "BE",
        name: "be.mentions",
        demand: Says(&[
            "creditor.name",
            "creditor.registration",
            "total",
            "collection_costs",
            "invoices[].number",
            "invoices[].due_date",
            "deadline",
        ]),
        source: "Code de droit économique, art. XIX.2: balance and indemnity to come, creditor and enterprise number, what for and since when, the term [reported]",
    },
    Protection {
        place: "BE",
        name: "be.indemnity_cap",
        demand: Amounts("20 up to 150; 30 and 10 % of the part to 500; 65 and 5 % of the rest, 2,000 euros at most"),
        source: "Code de droit économique, art. XIX.4 [reported]",
    },
    Protection {
        place: "BE",
        name: "be.visit_hours",
        demand: Hours { channel: Some(Channel::Visit), weekdays: Weekdays::ALL, start: 8, end: 22 },
        source: "Code de droit économique, book XIX [reported]",
    },
    Protection {
        place: "BE",
        name: "be.contest_suspends",
        demand: Heed(
            "what a consumer contests is not recovered meanwhile: open a dispute; supporting documents are sent on request, at once",
        ),
        source: "Code de droit économique, book XIX [reported]",
    },
    Protection {
        place: "FR",
        name: "fr.no_collection_costs",
        demand: Amounts("costs of collection without an enforceable title stay with the creditor"),
        source: "Code des procédures civiles d'exécution, art. L111-8 [reported]",
    },
    Protection {
        // From receipt: an e-mail on its day, a letter two days after posting.
        place: "NL",
        name: "nl.fourteen_days_free",
        demand: Free { electronic: 15, posted: 17 },
        source: "BW 6:96(6) [reported]",
    },
    Protection {
        place: "NL",
        name: "nl.term_named",
        demand: Term { days: 15 },
        source: "BW 6:96(6): fourteen days from the day after receipt [reported]",
    },
    Protection {
        place: "NL",
        name: "nl.costs_named",
        demand: Says(&["collection_costs"]),
        source: "BW 6:96(6): the letter names the costs that not paying will bring [reported]",
    },
    Protection {
        place: "NL",
        name: "nl.costs_scale",
        demand: Amounts(
            "15 % of the first 2,500 euros, 10 % to 5,000, 5 % to 10,000, 1 % to 200,000, 0.5 % above; 40 at least, 6,775 at most",
        ),
        source: "BW 6:96(5); Besluit vergoeding voor buitengerechtelijke incassokosten [reported]",
    },
    Protection { place: "DE", name: "de.no_fixed_sum", demand: Amounts("no fixed sum of 40 euros"), source: "BGB s. 288(5) [reported]" },
    Protection {
        place: "LU",
        name: "lu.interest_announced",
        demand: Heed(
            "interest runs only if the invoice came within one month and announces it; the legal term is three months: none is computed by law",
        ),
        source: "the law on late payment of Luxembourg, for consumers [read]",
    },
    Protection {
        place: "GB",
        name: "gb.no_harassment",
        demand: Heed("no demand that alarms, distresses or humiliates by its frequency, publicity or manner"),
        source: "Administration of Justice Act 1970, s. 40 [reported]",
    },
    Protection {
        place: "GB",
        name: "gb.breathing_space",
        demand: Heed("no contact during a breathing space: place a hold for as long as it lasts"),
        source: "Breathing Space [reported]",
    },
    Protection {
        place: "CA-QC",
        name: "qc.contact_hours",
        demand: Hours { channel: None, weekdays: Weekdays::MONDAY_TO_SATURDAY, start: 8, end: 20 },
        source: "Act respecting the collection of certain debts, CQLR c. R-2.2 (agents) [read]",
    },
    Protection { place: "CA-QC", name: "qc.holidays", demand: NoHolidays, source: "CQLR c. R-2.2 (agents) [read]" },
    Protection { place: "CA-QC", name: "qc.written_first", demand: WrittenFirst, source: "CQLR c. R-2.2, s. 34 (agents) [reported]" },
    Protection {
        place: "CA-QC",
        name: "qc.no_threat_of_proceedings",
        demand: Unsaid(PROCEEDINGS),
        source: "CQLR c. R-2.2, s. 34 (agents) [reported]",
    },
    Protection {
        // On Sundays 13:00 to 17:00 would be allowed; one window for the week cannot say so and leaves Sunday out.
        place: "CA-ON",
        name: "on.contact_hours",
        demand: Hours { channel: None, weekdays: Weekdays::MONDAY_TO_SATURDAY, start: 7, end: 21 },
        source: "Collection and Debt Settlement Services Act, R.R.O. 1990, Reg. 74 (agencies) [read]",
    },
    Protection {
        place: "CA-ON",
        name: "on.contact_cap",
        demand: Cap { contacts: 3, days: 7 },
        source: "R.R.O. 1990, Reg. 74 (agencies) [read]",
    },
    Protection { place: "CA-ON", name: "on.holidays", demand: NoHolidays, source: "R.R.O. 1990, Reg. 74 (agencies) [read]" },
    Protection { place: "CA-ON", name: "on.written_first", demand: WrittenFirst, source: "R.R.O. 1990, Reg. 74 (agencies) [reported]" },
    Protection { place: "CA-ON", name: "on.six_days", demand: Pause { days: 6 }, source: "R.R.O. 1990, Reg. 74 (agencies) [reported]" },
    Protection {
        place: "US",
        name: "us.contact_hours",
        demand: Hours { channel: None, weekdays: Weekdays::ALL, start: 8, end: 21 },
        source: "Regulation F, 12 CFR 1006.6(b) (collectors) [read]",
    },
    Protection {
        place: "US",
        name: "us.contact_cap",
        demand: Cap { contacts: 7, days: 7 },
        source: "Regulation F, 12 CFR 1006.14(b) (collectors; calls) [read]",
    },
];
