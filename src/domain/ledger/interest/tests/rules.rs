//! The table of rules: its names, its borders, and which row is whose.

use super::{
    super::rules::{AgreedSum, RULES, Rule, rule},
    *,
};

#[test]
fn a_first_reminder_names_what_the_law_will_let_it_cost() {
    let ahead =
        |place: &str, clause: FixedSum, principal| super::super::sum_ahead(&clause, &place.parse().unwrap(), Currency::EUR, principal);
    assert_eq!(ahead("NL", FixedSum::default(), 120_000), Some(18_000), "15 percent");
    assert_eq!(ahead("NL", FixedSum::default(), 10_000), Some(4_000), "40 at least");
    assert_eq!(ahead("NL", FixedSum::Agreed { amount_minor: 5_000 }, 120_000), Some(5_000));
    assert_eq!(ahead("BE", FixedSum::Agreed { amount_minor: 20_000 }, 60_000), Some(7_000), "65 and 5 percent of 100");
    let nothing = [("BE", FixedSum::default()), ("NL", FixedSum::None {}), ("DE", FixedSum::default()), ("US", FixedSum::default())];
    assert!(nothing.into_iter().all(|(place, clause)| ahead(place, clause, 60_000).is_none()));
}

#[test]
fn every_row_has_a_name_and_a_source() {
    for rule in RULES {
        assert!(!rule.sources.is_empty() && rule.name.contains('.') && !rule.margins.is_empty(), "{}", rule.name);
        assert!(rule.jurisdiction.parse::<Jurisdiction>().is_ok(), "{}", rule.name);
        let bands = rule.sum.iter().flat_map(|sum| sum.bands).map(|band| band.above);
        assert!(bands.is_sorted(), "{}", rule.name);
        assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1);
    }
}

#[test]
fn a_country_covers_its_regions_unless_they_have_their_own() {
    let of = |code: &str, kind| rule(&code.parse().unwrap(), kind).map(|rule| rule.name);
    assert_eq!(of("CA-QC", CustomerKind::Business), Some("qc.business"));
    assert_eq!(of("CA-ON", CustomerKind::Business), Some("ca.business"));
    assert_eq!(of("DE-BY", CustomerKind::PublicBody), Some("de.business"));
    assert_eq!(of("GB", CustomerKind::Consumer), None);
    assert_eq!(of("US", CustomerKind::Business), None);
}

#[test]
fn fixed_sums_at_their_borders() {
    let of = |code: &'static str, kind| move |principal| rule(&code.parse().unwrap(), kind).unwrap().sum.unwrap().of(principal);
    let uk = of("GB", CustomerKind::Business);
    assert_eq!([0, 1, 99_999, 100_000, 999_999, 1_000_000].map(uk), [0, 4000, 4000, 7000, 7000, 10_000]);
    let ie = of("IE", CustomerKind::Business);
    assert_eq!([100_000, 100_001, 1_000_000, 1_000_001].map(ie), [4000, 7000, 7000, 10_000]);
    let nl = of("NL", CustomerKind::Consumer);
    assert_eq!(
        [10_000, 250_000, 500_000, 1_000_000, 20_000_000, 100_000_000, 900_000_000].map(nl),
        [4000, 37_500, 62_500, 87_500, 277_500, 677_500, 677_500]
    );
    let Some(Rule { agreed_sum: AgreedSum::UpTo(be), .. }) = rule(&"BE".parse().unwrap(), CustomerKind::Consumer) else { panic!() };
    assert_eq!([15_000, 15_001, 50_000, 60_000, 10_000_000].map(|principal| be.of(principal)), [2000, 3000, 6500, 7000, 200_000]);
}
