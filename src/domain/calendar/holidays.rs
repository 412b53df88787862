//! Public holidays, computed: fixed dates, days counted from Easter, the n-th weekday of a month, substitutes.
//!
//! Not here: one-off days (a coronation, a state funeral), local feasts and half days; those are closing days of the tenant's
//! calendar. A region's list stands alone and includes what it shares with its country. Rules apply to all years unless the
//! law that made a day is younger than a ledger can be (`since`). Names are the local ones, as a debtor would say them.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::domain::locale::Jurisdiction;

/// How a holiday's date follows from the year.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// A month and a day.
    Fixed(u32, u32),
    /// That month and day, only when it falls on one of these weekdays: substitutes and evasions.
    FixedIf(u32, u32, &'static [Weekday]),
    /// That many days after Easter Sunday.
    Easter(i64),
    /// The first such weekday on or after a month and day.
    From(Weekday, u32, u32),
}
use Rule::{Easter, Fixed, FixedIf, From};
use Weekday::{Fri, Mon, Sat, Thu, Tue, Wed};

/// A rule and what the day is called.
type Holiday = (Rule, &'static str);
/// Holidays that exist from a year on.
type Lists = &'static [(i32, &'static [Holiday])];

const ALWAYS: i32 = i32::MIN;
const NOT_SUNDAY: &[Weekday] = &[Mon, Tue, Wed, Thu, Fri, Sat];

/// Code du travail, art. L3133-1.
const FR: &[Holiday] = &[
    (Fixed(1, 1), "Jour de l'An"),
    (Easter(1), "Lundi de Pâques"),
    (Fixed(5, 1), "Fête du Travail"),
    (Fixed(5, 8), "Victoire 1945"),
    (Easter(39), "Ascension"),
    (Easter(50), "Lundi de Pentecôte"),
    (Fixed(7, 14), "Fête nationale"),
    (Fixed(8, 15), "Assomption"),
    (Fixed(11, 1), "Toussaint"),
    (Fixed(11, 11), "Armistice 1918"),
    (Fixed(12, 25), "Noël"),
];
/// Code du travail, art. L3134-13: Bas-Rhin, Haut-Rhin, Moselle.
const ALSACE_MOSELLE: &[Holiday] = &[(Easter(-2), "Vendredi saint"), (Fixed(12, 26), "Saint-Étienne")];

/// Arrêté royal du 18 avril 1974, art. 1.
const BE: &[Holiday] = &[
    (Fixed(1, 1), "Nouvel An"),
    (Easter(1), "Lundi de Pâques"),
    (Fixed(5, 1), "Fête du Travail"),
    (Easter(39), "Ascension"),
    (Easter(50), "Lundi de Pentecôte"),
    (Fixed(7, 21), "Fête nationale"),
    (Fixed(8, 15), "Assomption"),
    (Fixed(11, 1), "Toussaint"),
    (Fixed(11, 11), "Armistice"),
    (Fixed(12, 25), "Noël"),
];

/// Code du travail luxembourgeois, art. L. 232-2.
const LU: &[Holiday] = &[
    (Fixed(1, 1), "Nouvel An"),
    (Easter(1), "Lundi de Pâques"),
    (Fixed(5, 1), "Fête du Travail"),
    (Easter(39), "Ascension"),
    (Easter(50), "Lundi de Pentecôte"),
    (Fixed(6, 23), "Fête nationale"),
    (Fixed(8, 15), "Assomption"),
    (Fixed(11, 1), "Toussaint"),
    (Fixed(12, 25), "Noël"),
    (Fixed(12, 26), "Saint-Étienne"),
];
/// Law of 25 April 2019.
const LU_EUROPE: &[Holiday] = &[(Fixed(5, 9), "Journée de l'Europe")];

/// The days that all Länder share (their Feiertagsgesetze; Einigungsvertrag art. 2 for 3 October).
const DE: &[Holiday] = &[
    (Fixed(1, 1), "Neujahr"),
    (Easter(-2), "Karfreitag"),
    (Easter(1), "Ostermontag"),
    (Fixed(5, 1), "Tag der Arbeit"),
    (Easter(39), "Christi Himmelfahrt"),
    (Easter(50), "Pfingstmontag"),
    (Fixed(10, 3), "Tag der Deutschen Einheit"),
    (Fixed(12, 25), "Erster Weihnachtstag"),
    (Fixed(12, 26), "Zweiter Weihnachtstag"),
];
const EPIPHANY: &[Holiday] = &[(Fixed(1, 6), "Heilige Drei Könige")];
const WOMENS_DAY: &[Holiday] = &[(Fixed(3, 8), "Internationaler Frauentag")];
const CORPUS_CHRISTI: &[Holiday] = &[(Easter(60), "Fronleichnam")];
/// In Bavaria in most communes only; silence in the others costs a day, the contrary a complaint.
const ASSUMPTION: &[Holiday] = &[(Fixed(8, 15), "Mariä Himmelfahrt")];
const CHILDRENS_DAY: &[Holiday] = &[(Fixed(9, 20), "Weltkindertag")];
const REFORMATION: &[Holiday] = &[(Fixed(10, 31), "Reformationstag")];
const ALL_SAINTS: &[Holiday] = &[(Fixed(11, 1), "Allerheiligen")];
const REPENTANCE: &[Holiday] = &[(From(Wed, 11, 16), "Buß- und Bettag")];
const BRANDENBURG: &[Holiday] = &[(Easter(0), "Ostersonntag"), (Easter(49), "Pfingstsonntag")];

/// Algemene termijnenwet, art. 3, which puts Good Friday on the same footing.
const NL: &[Holiday] = &[
    (Fixed(1, 1), "Nieuwjaarsdag"),
    (Easter(-2), "Goede Vrijdag"),
    (Easter(1), "Tweede paasdag"),
    (FixedIf(4, 26, &[Sat]), "Koningsdag"),
    (FixedIf(4, 27, NOT_SUNDAY), "Koningsdag"),
    (Fixed(5, 5), "Bevrijdingsdag"),
    (Easter(39), "Hemelvaartsdag"),
    (Easter(50), "Tweede pinksterdag"),
    (Fixed(12, 25), "Eerste kerstdag"),
    (Fixed(12, 26), "Tweede kerstdag"),
];

/// Arbeitsruhegesetz, § 7.
const AT: &[Holiday] = &[
    (Fixed(1, 1), "Neujahr"),
    (Fixed(1, 6), "Heilige Drei Könige"),
    (Easter(1), "Ostermontag"),
    (Fixed(5, 1), "Staatsfeiertag"),
    (Easter(39), "Christi Himmelfahrt"),
    (Easter(50), "Pfingstmontag"),
    (Easter(60), "Fronleichnam"),
    (Fixed(8, 15), "Mariä Himmelfahrt"),
    (Fixed(10, 26), "Nationalfeiertag"),
    (Fixed(11, 1), "Allerheiligen"),
    (Fixed(12, 8), "Mariä Empfängnis"),
    (Fixed(12, 25), "Christtag"),
    (Fixed(12, 26), "Stefanitag"),
];

/// 1 August is federal (Federal Constitution, art. 110); the three others are kept in every canton.
const CH: &[Holiday] = &[(Fixed(1, 1), "Nouvel An"), (Easter(39), "Ascension"), (Fixed(8, 1), "Fête nationale"), (Fixed(12, 25), "Noël")];
/// Shared by Geneva, Vaud, Zurich and Bern.
const CH_REFORMED: &[Holiday] = &[(Easter(-2), "Vendredi saint"), (Easter(1), "Lundi de Pâques"), (Easter(50), "Lundi de Pentecôte")];
const BERCHTOLD: &[Holiday] = &[(Fixed(1, 2), "2 janvier")];
const SWISS_STEPHEN: &[Holiday] = &[(Fixed(12, 26), "Stephanstag")];
const SWISS_LABOUR: &[Holiday] = &[(Fixed(5, 1), "Tag der Arbeit")];
/// The Thursday after the first Sunday of September, and Restoration day.
const GENEVA: &[Holiday] = &[(From(Thu, 9, 5), "Jeûne genevois"), (Fixed(12, 31), "Restauration de la République")];
/// The Monday after the third Sunday of September.
const VAUD: &[Holiday] = &[(From(Mon, 9, 16), "Lundi du Jeûne fédéral")];

/// Real Decreto 2001/1983, art. 45: the national days; communities add or replace some.
const ES: &[Holiday] = &[
    (Fixed(1, 1), "Año Nuevo"),
    (Fixed(1, 6), "Epifanía del Señor"),
    (Easter(-2), "Viernes Santo"),
    (Fixed(5, 1), "Fiesta del Trabajo"),
    (Fixed(8, 15), "Asunción"),
    (Fixed(10, 12), "Fiesta Nacional"),
    (Fixed(11, 1), "Todos los Santos"),
    (Fixed(12, 6), "Día de la Constitución"),
    (Fixed(12, 8), "Inmaculada Concepción"),
    (Fixed(12, 25), "Natividad del Señor"),
];

/// Legge 27 maggio 1949, n. 260, art. 2, as amended.
const IT: &[Holiday] = &[
    (Fixed(1, 1), "Capodanno"),
    (Fixed(1, 6), "Epifania"),
    (Easter(0), "Pasqua"),
    (Easter(1), "Lunedì dell'Angelo"),
    (Fixed(4, 25), "Liberazione"),
    (Fixed(5, 1), "Festa del lavoro"),
    (Fixed(6, 2), "Festa della Repubblica"),
    (Fixed(8, 15), "Assunzione"),
    (Fixed(11, 1), "Ognissanti"),
    (Fixed(12, 8), "Immacolata Concezione"),
    (Fixed(12, 25), "Natale"),
    (Fixed(12, 26), "Santo Stefano"),
];
/// Legge 8 ottobre 2025, n. 151.
const IT_FRANCIS: &[Holiday] = &[(Fixed(10, 4), "San Francesco d'Assisi")];

/// Organisation of Working Time Act 1997, second schedule.
const IE: &[Holiday] = &[
    (Fixed(1, 1), "New Year's Day"),
    (Fixed(3, 17), "Saint Patrick's Day"),
    (Easter(1), "Easter Monday"),
    (From(Mon, 5, 1), "May holiday"),
    (From(Mon, 6, 1), "June holiday"),
    (From(Mon, 8, 1), "August holiday"),
    (From(Mon, 10, 25), "October holiday"),
    (Fixed(12, 25), "Christmas Day"),
    (Fixed(12, 26), "Saint Stephen's Day"),
];
/// S.I. 50/2022: the first Monday of February, unless 1 February is a Friday.
const IE_BRIGID: &[Holiday] = &[
    (FixedIf(2, 1, &[Mon, Fri]), "Saint Brigid's Day"),
    (FixedIf(2, 2, &[Mon]), "Saint Brigid's Day"),
    (FixedIf(2, 3, &[Mon]), "Saint Brigid's Day"),
    (FixedIf(2, 5, &[Mon]), "Saint Brigid's Day"),
    (FixedIf(2, 6, &[Mon]), "Saint Brigid's Day"),
    (FixedIf(2, 7, &[Mon]), "Saint Brigid's Day"),
];

/// Banking and Financial Dealings Act 1971, schedule 1. A day that falls on a weekend is given back on the next free weekday.
const GB: &[Holiday] = &[
    (Fixed(1, 1), "New Year's Day"),
    (Easter(-2), "Good Friday"),
    (From(Mon, 5, 1), "Early May bank holiday"),
    (From(Mon, 5, 25), "Spring bank holiday"),
    (Fixed(12, 25), "Christmas Day"),
    (Fixed(12, 26), "Boxing Day"),
    (FixedIf(12, 27, &[Mon, Tue]), "Christmas Day (substitute)"),
    (FixedIf(12, 28, &[Mon, Tue]), "Boxing Day (substitute)"),
];
const GB_SOUTH: &[Holiday] = &[
    (FixedIf(1, 2, &[Mon]), "New Year's Day (substitute)"),
    (FixedIf(1, 3, &[Mon]), "New Year's Day (substitute)"),
    (Easter(1), "Easter Monday"),
    (From(Mon, 8, 25), "Summer bank holiday"),
];
/// St Andrew's Day Bank Holiday (Scotland) Act 2007 for the last.
const GB_SCOTLAND: &[Holiday] = &[
    (Fixed(1, 2), "2nd January"),
    (FixedIf(1, 3, &[Mon, Tue]), "New Year's Day (substitute)"),
    (FixedIf(1, 4, &[Mon, Tue]), "2nd January (substitute)"),
    (From(Mon, 8, 1), "Summer bank holiday"),
    (Fixed(11, 30), "Saint Andrew's Day"),
    (FixedIf(12, 1, &[Mon]), "Saint Andrew's Day (substitute)"),
    (FixedIf(12, 2, &[Mon]), "Saint Andrew's Day (substitute)"),
];
const GB_NORTHERN_IRELAND: &[Holiday] = &[
    (Fixed(3, 17), "Saint Patrick's Day"),
    (FixedIf(3, 18, &[Mon]), "Saint Patrick's Day (substitute)"),
    (FixedIf(3, 19, &[Mon]), "Saint Patrick's Day (substitute)"),
    (Fixed(7, 12), "Battle of the Boyne"),
    (FixedIf(7, 13, &[Mon]), "Battle of the Boyne (substitute)"),
    (FixedIf(7, 14, &[Mon]), "Battle of the Boyne (substitute)"),
];

/// Common to the federal sector, Quebec and Ontario. The Monday before 25 May is Victoria Day, in Quebec National Patriots' Day;
/// 1 July on a Sunday is kept on the 2nd (Holidays Act, R.S.C. 1985, c. H-5).
const CA_COMMON: &[Holiday] = &[
    (Fixed(1, 1), "New Year's Day"),
    (Easter(-2), "Good Friday"),
    (From(Mon, 5, 18), "Victoria Day"),
    (Fixed(7, 1), "Canada Day"),
    (FixedIf(7, 2, &[Mon]), "Canada Day (substitute)"),
    (From(Mon, 9, 1), "Labour Day"),
    (From(Mon, 10, 8), "Thanksgiving"),
    (Fixed(12, 25), "Christmas Day"),
];
const BOXING_DAY: &[Holiday] = &[(Fixed(12, 26), "Boxing Day")];
const REMEMBRANCE: &[Holiday] = &[(Fixed(11, 11), "Remembrance Day")];
/// S.C. 2021, c. 11.
const RECONCILIATION: &[Holiday] = &[(Fixed(9, 30), "National Day for Truth and Reconciliation")];
/// National Holiday Act, CQLR c. F-1.1: on a Sunday, the 25th for those who do not work on Sundays.
const QUEBEC: &[Holiday] = &[(Fixed(6, 24), "Fête nationale du Québec"), (FixedIf(6, 25, &[Mon]), "Fête nationale du Québec (report)")];
/// O. Reg. 547/07.
const ONTARIO: &[Holiday] = &[(From(Mon, 2, 15), "Family Day")];

/// The lists of a jurisdiction; a region without holidays of its own has its country's.
fn lists(place: &Jurisdiction) -> Lists {
    match (place.country(), place.subdivision()) {
        ("FR", Some("57" | "67" | "68" | "6AE")) => &[(ALWAYS, FR), (ALWAYS, ALSACE_MOSELLE)],
        ("FR", _) => &[(ALWAYS, FR)],
        ("BE", _) => &[(ALWAYS, BE)],
        ("LU", _) => &[(ALWAYS, LU), (2019, LU_EUROPE)],
        ("DE", Some(land)) => german(land),
        ("DE", None) => &[(ALWAYS, DE)],
        ("NL", _) => &[(ALWAYS, NL)],
        ("AT", _) => &[(ALWAYS, AT)],
        ("CH", Some("GE")) => &[(ALWAYS, CH), (ALWAYS, CH_REFORMED), (ALWAYS, GENEVA)],
        ("CH", Some("VD")) => &[(ALWAYS, CH), (ALWAYS, CH_REFORMED), (ALWAYS, BERCHTOLD), (ALWAYS, VAUD)],
        ("CH", Some("ZH")) => &[(ALWAYS, CH), (ALWAYS, CH_REFORMED), (ALWAYS, SWISS_LABOUR), (ALWAYS, SWISS_STEPHEN)],
        ("CH", Some("BE")) => &[(ALWAYS, CH), (ALWAYS, CH_REFORMED), (ALWAYS, BERCHTOLD), (ALWAYS, SWISS_STEPHEN)],
        ("CH", _) => &[(ALWAYS, CH)],
        ("ES", _) => &[(ALWAYS, ES)],
        ("IT", _) => &[(ALWAYS, IT), (2026, IT_FRANCIS)],
        ("IE", _) => &[(ALWAYS, IE), (2023, IE_BRIGID)],
        ("GB", Some("SCT")) => &[(ALWAYS, GB), (ALWAYS, GB_SCOTLAND)],
        ("GB", Some("NIR")) => &[(ALWAYS, GB), (ALWAYS, GB_SOUTH), (ALWAYS, GB_NORTHERN_IRELAND)],
        ("GB", _) => &[(ALWAYS, GB), (ALWAYS, GB_SOUTH)],
        ("CA", Some("QC")) => &[(ALWAYS, CA_COMMON), (ALWAYS, QUEBEC)],
        ("CA", Some("ON")) => &[(ALWAYS, CA_COMMON), (ALWAYS, BOXING_DAY), (2008, ONTARIO)],
        ("CA", _) => &[(ALWAYS, CA_COMMON), (ALWAYS, BOXING_DAY), (ALWAYS, REMEMBRANCE), (2021, RECONCILIATION)],
        _ => &[],
    }
}

fn german(land: &str) -> Lists {
    match land {
        "BW" => &[(ALWAYS, DE), (ALWAYS, EPIPHANY), (ALWAYS, CORPUS_CHRISTI), (ALWAYS, ALL_SAINTS)],
        "BY" => &[(ALWAYS, DE), (ALWAYS, EPIPHANY), (ALWAYS, CORPUS_CHRISTI), (ALWAYS, ASSUMPTION), (ALWAYS, ALL_SAINTS)],
        "BE" => &[(ALWAYS, DE), (2019, WOMENS_DAY)],
        "BB" => &[(ALWAYS, DE), (ALWAYS, BRANDENBURG), (ALWAYS, REFORMATION)],
        "HB" | "HH" | "NI" | "SH" => &[(ALWAYS, DE), (2018, REFORMATION)],
        "HE" => &[(ALWAYS, DE), (ALWAYS, CORPUS_CHRISTI)],
        "MV" => &[(ALWAYS, DE), (2023, WOMENS_DAY), (ALWAYS, REFORMATION)],
        "NW" | "RP" => &[(ALWAYS, DE), (ALWAYS, CORPUS_CHRISTI), (ALWAYS, ALL_SAINTS)],
        "SL" => &[(ALWAYS, DE), (ALWAYS, CORPUS_CHRISTI), (ALWAYS, ASSUMPTION), (ALWAYS, ALL_SAINTS)],
        "SN" => &[(ALWAYS, DE), (ALWAYS, REFORMATION), (ALWAYS, REPENTANCE)],
        "ST" => &[(ALWAYS, DE), (ALWAYS, EPIPHANY), (ALWAYS, REFORMATION)],
        "TH" => &[(ALWAYS, DE), (2019, CHILDRENS_DAY), (ALWAYS, REFORMATION)],
        _ => &[(ALWAYS, DE)],
    }
}

/// Whether holidays are known for `place`, or for its country.
pub fn knows(place: &Jurisdiction) -> bool {
    !lists(place).is_empty()
}

/// The name of the public holiday that `date` is in `place`; `None` on any other day, and always where none are known.
pub fn holiday(place: &Jurisdiction, date: NaiveDate) -> Option<&'static str> {
    let from_easter = easter(date.year()).map(|sunday| date.signed_duration_since(sunday).num_days());
    let today = |rule: Rule| match rule {
        Fixed(month, day) => (date.month(), date.day()) == (month, day),
        FixedIf(month, day, weekdays) => (date.month(), date.day()) == (month, day) && weekdays.contains(&date.weekday()),
        Easter(days) => from_easter == Some(days),
        From(weekday, month, day) => date.month() == month && (day..day + 7).contains(&date.day()) && date.weekday() == weekday,
    };
    let lists = lists(place).iter().filter(|(since, _)| date.year() >= *since);
    lists.flat_map(|(_, holidays)| holidays.iter()).find(|(rule, _)| today(*rule)).map(|(_, name)| *name)
}

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm; Meeus, Astronomical Algorithms, ch. 8).
pub fn easter(year: i32) -> Option<NaiveDate> {
    let (golden, century, rest) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let correction = (century + 8).div_euclid(25);
    let moon = (century - correction + 1).div_euclid(3);
    let epact = (19 * golden + century - century.div_euclid(4) - moon + 15).rem_euclid(30);
    let weekday = (32 + 2 * century.rem_euclid(4) + 2 * rest.div_euclid(4) - epact - rest.rem_euclid(4)).rem_euclid(7);
    let late = (golden + 11 * epact + 22 * weekday).div_euclid(451);
    let day = epact + weekday - 7 * late + 114;
    NaiveDate::from_ymd_opt(year, u32::try_from(day.div_euclid(31)).ok()?, u32::try_from(day.rem_euclid(31)).ok()? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All holidays of a year that are not on a Saturday or Sunday, as `MM-DD`.
    fn weekdays_off(place: &str, year: i32) -> String {
        let place = place.parse().unwrap();
        let days = NaiveDate::from_ymd_opt(year, 1, 1).unwrap().iter_days().take_while(|day| day.year() == year);
        let off = days.filter(|day| holiday(&place, *day).is_some() && !matches!(day.weekday(), Sat | Weekday::Sun));
        off.map(|day| day.format("%m-%d").to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn easter_of_known_years() {
        for known in ["1954-04-18", "2000-04-23", "2008-03-23", "2011-04-24", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25"] {
            let known: NaiveDate = known.parse().unwrap();
            assert_eq!(easter(known.year()), Some(known));
        }
    }

    #[test]
    fn published_calendars() {
        assert_eq!(weekdays_off("FR", 2026), "01-01 04-06 05-01 05-08 05-14 05-25 07-14 11-11 12-25");
        assert_eq!(weekdays_off("FR-67", 2025), "01-01 04-18 04-21 05-01 05-08 05-29 06-09 07-14 08-15 11-11 12-25 12-26");
        assert_eq!(weekdays_off("BE", 2025), "01-01 04-21 05-01 05-29 06-09 07-21 08-15 11-11 12-25");
        assert_eq!(weekdays_off("LU", 2025), "01-01 04-21 05-01 05-09 05-29 06-09 06-23 08-15 12-25 12-26");
        assert_eq!(weekdays_off("NL", 2025), "01-01 04-18 04-21 05-05 05-29 06-09 12-25 12-26");
        assert_eq!(weekdays_off("AT", 2025), "01-01 01-06 04-21 05-01 05-29 06-09 06-19 08-15 12-08 12-25 12-26");
        assert_eq!(weekdays_off("ES", 2025), "01-01 01-06 04-18 05-01 08-15 12-08 12-25");
        assert_eq!(weekdays_off("IT", 2025), "01-01 01-06 04-21 04-25 05-01 06-02 08-15 12-08 12-25 12-26");
        assert_eq!(weekdays_off("IE", 2026), "01-01 02-02 03-17 04-06 05-04 06-01 08-03 10-26 12-25");
        assert_eq!(weekdays_off("CH-GE", 2025), "01-01 04-18 04-21 05-29 06-09 08-01 09-11 12-25 12-31");
        assert_eq!(weekdays_off("CH-VD", 2025), "01-01 01-02 04-18 04-21 05-29 06-09 08-01 09-22 12-25");
    }

    #[test]
    fn laender_differ() {
        assert_eq!(weekdays_off("DE", 2025), "01-01 04-18 04-21 05-01 05-29 06-09 10-03 12-25 12-26");
        assert_eq!(weekdays_off("DE-BY", 2025), "01-01 01-06 04-18 04-21 05-01 05-29 06-09 06-19 08-15 10-03 12-25 12-26");
        assert_eq!(weekdays_off("DE-SN", 2025), "01-01 04-18 04-21 05-01 05-29 06-09 10-03 10-31 11-19 12-25 12-26");
        assert!(weekdays_off("DE-BE", 2018).contains("03-08").eq(&false) && weekdays_off("DE-BE", 2024).contains("03-08"));
    }

    #[test]
    fn british_substitutes() {
        assert_eq!(weekdays_off("GB-ENG", 2021), "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28");
        assert_eq!(weekdays_off("GB-ENG", 2026), "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28");
        assert_eq!(weekdays_off("GB", 2028), "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26");
        assert_eq!(weekdays_off("GB-SCT", 2022), "01-03 01-04 04-15 05-02 05-30 08-01 11-30 12-26 12-27");
        assert_eq!(weekdays_off("GB-NIR", 2024), "01-01 03-18 03-29 04-01 05-06 05-27 07-12 08-26 12-25 12-26");
    }

    #[test]
    fn canadian_provinces() {
        assert_eq!(weekdays_off("CA-QC", 2025), "01-01 04-18 05-19 06-24 07-01 09-01 10-13 12-25");
        assert_eq!(weekdays_off("CA-ON", 2025), "01-01 02-17 04-18 05-19 07-01 09-01 10-13 12-25 12-26");
        assert_eq!(weekdays_off("CA", 2025), "01-01 04-18 05-19 07-01 09-01 09-30 10-13 11-11 12-25 12-26");
    }

    #[test]
    fn saint_brigid_moves() {
        let days: Vec<_> = (2023..=2030)
            .map(|year| weekdays_off("IE", year).split(' ').nth(if year == 2023 || year == 2028 { 0 } else { 1 }).unwrap().to_owned())
            .collect();
        assert_eq!(days, ["02-06", "02-05", "02-03", "02-02", "02-01", "02-07", "02-05", "02-01"]);
    }
}
