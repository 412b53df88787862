//! The table of rules: its names, its borders, and which row is whose.

use super::{
    super::rules::{AgreedSum, RULES, Rule, rule},
    *,
};

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
